/** Which class a reader typed, of a thousand: its name, one of the words that it goes by, its number, or how only one begins. */
export function findClass(typed: string, classes: readonly string[]): number | null {
  const wanted = typed.trim().toLowerCase();
  if (wanted === '') return null;
  const names = classes.map((name) => name.toLowerCase());
  // As it is written first: ImageNet has a dog, Cardigan, and a garment, cardigan.
  const written = classes.indexOf(typed.trim());
  const whole = written >= 0 ? written : names.indexOf(wanted);
  if (whole >= 0) return whole;
  const words = names.findIndex((name) => name.split(', ').includes(wanted));
  if (words >= 0) return words;
  // After the names: classes may be called by numbers.
  if (/^\d+$/.test(wanted) && Number(wanted) < classes.length) return Number(wanted);
  const begun = names.flatMap((name, index) => (name.startsWith(wanted) ? [index] : []));
  return begun.length === 1 ? begun[0]! : null;
}
