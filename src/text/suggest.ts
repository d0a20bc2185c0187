/** Names that were typed and do not exist: what may have been meant. Models, stages and the catalog ask here. */

const MOST = 3;

/**
 * `did you mean resnet18?`, with up to three names that are equally close; null where none is close or too many are.
 * A name that begins with what was typed is closest of all.
 */
export function didYouMean(typed: string, names: readonly string[]): string | null {
  const wanted = typed.toLowerCase();
  const distances = names.map((name) =>
    wanted.length > 1 && name.startsWith(wanted) ? 0 : editDistance(wanted, name.toLowerCase()),
  );
  const least = distances.reduce((low, distance) => Math.min(low, distance), Number.POSITIVE_INFINITY);
  // Two slips, more in long names; but no name is close to a word of which every letter is replaced.
  if (least > Math.min(Math.max(2, Math.floor(wanted.length / 3)), wanted.length - 1)) return null;
  const near = names.filter((_, index) => distances[index] === least);
  if (near.length > MOST) return null;
  const last = near.pop();
  return `did you mean ${near.length > 0 ? `${near.join(', ')} or ${last}` : last}?`;
}

/** `there is no model 'resnet19'; did you mean resnet18?`; where none or many are close, a list. */
export function unknownName(kind: string, typed: string, names: readonly string[]): string {
  const begin = names.filter((name) => typed !== '' && name.startsWith(typed.toLowerCase()));
  const list =
    begin.length > 0
      ? `there are ${begin.join(', ')}`
      : `the ${kind}${kind.endsWith('s') ? 'es' : 's'} are ${names.join(', ')}`;
  return `there is no ${kind} '${typed}'; ${didYouMean(typed, names) ?? list}`;
}

/** Single letters inserted, deleted or replaced, or two neighbours swapped (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let [before, previous]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      current[j] = Math.min(
        previous[j] + 1,
        current[j - 1] + 1,
        replaced,
        swapped ? before[j - 2] + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, previous] = [previous, current];
  }
  return previous[b.length];
}
