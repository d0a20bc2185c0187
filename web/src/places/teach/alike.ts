/** Which pictures look the same, and which are held out: of pictures that look the same all or none (src/data/units.ts). */
import { computed, effect } from '@preact/signals';
import { similarPairs } from '../../../../src/data/look.ts';
import type { Sample } from '../../../../src/data/sample.ts';
import { drawShare, united } from '../../../../src/data/units.ts';
import { isAbort } from '../../client.ts';
import { client, network } from '../../state.ts';
import { classes, counted, type Example, looks } from './classes.ts';

/** Of so many pictures of a class one is held out. */
const HELD_EACH = 4;

const asked = new Set<number>();

/** Looks at every picture that nobody has looked at. */
effect(() => {
  // A network that is loaded meanwhile takes the answers with it.
  if (network.value.state !== 'ready') return;
  for (const { examples } of classes.value)
    for (const example of examples) if (!looks.value.has(example.id)) void lookAt(example);
});

async function lookAt({ id, name, blob }: Example): Promise<void> {
  if (asked.has(id)) return;
  asked.add(id);
  try {
    const look = await client.ask('look', { name, blob });
    looks.value = new Map(looks.peek()).set(id, look);
  } catch (error) {
    // What the browser cannot decode.
    if (!isAbort(error)) looks.value = new Map(looks.peek()).set(id, null);
  } finally {
    asked.delete(id);
  }
}

/** Whether every picture was looked at. */
export const looked = computed(() =>
  classes.value.every(({ examples }) => examples.every(({ id }) => looks.value.has(id))),
);

const all = computed(() =>
  classes.value.flatMap(({ examples }, label) =>
    examples.map((example) => ({ example, sample: { file: String(example.id), label } satisfies Sample })),
  ),
);

/** Pictures that look the same, or are: groups of their samples. */
const groups = computed((): Sample[][] => {
  const found = all.value.map(({ example, sample }) => ({
    sample,
    look: looks.value.get(example.id) ?? null,
  }));
  const pairs = [...similarPairs(found.map(({ look }) => look?.bits ?? null))].map((pair) =>
    pair.map((index) => found[index]!.sample),
  );
  const byHash = new Map<string, Sample[]>();
  for (const { sample, look } of found)
    if (look) byHash.set(look.hash, [...(byHash.get(look.hash) ?? []), sample]);
  return united(
    found.map(({ sample }) => sample),
    [...pairs, ...byHash.values()],
  );
});

/** Numbers of the pictures that are held out: a quarter of every class that has four, the first ones that were added. */
export const held = computed((): ReadonlySet<number> => {
  const samples = all.value.map(({ sample }) => sample);
  const place = new Map(samples.map((sample, index) => [sample, String(index).padStart(9, '0')]));
  const { val } = drawShare(samples, groups.value, {
    labels: classes.value.length,
    rankOf: ([first]) => place.get(first!)!,
    wanted: (pictures) => Math.floor(pictures / HELD_EACH),
  });
  return new Set(val.map(({ file }) => Number(file)));
});

/** How many others a picture looks like, by its number. */
export const alike = computed(
  (): ReadonlyMap<number, number> =>
    new Map(
      groups.value.flatMap((group) => group.map(({ file }) => [Number(file), group.length - 1] as const)),
    ),
);

/** What is to be known of pictures that look the same, as sentences. */
export const alikeNotes = computed((): readonly string[] => {
  const nameOf = new Map(all.value.map(({ example, sample }) => [sample, example.name]));
  const notes = classes.value.flatMap(({ name, examples }, label) => {
    const own = groups.value.map((group) => group.filter((one) => one.label === label));
    const inside = own.filter((group) => group.length > 1);
    if (inside.length === 0) return [];
    const kinds = examples.length - inside.reduce((sum, group) => sum + group.length - 1, 0);
    const lone = kinds === 1 && examples.length >= HELD_EACH ? ' Nothing of it can be held out.' : '';
    return [
      `${name}: ${counted(examples.length)} that are ${kinds === 1 ? 'one' : kinds} to the eye, since some look the same, as those of a burst do. They teach little more, and are held out together or not at all.${lone} Move the thing or the camera between pictures.`,
    ];
  });
  const torn = groups.value.filter((group) => new Set(group.map(({ label }) => label)).size > 1);
  return [
    ...notes,
    ...torn.map((group) => {
      const two = group.filter(({ label }, at) => group.findIndex((one) => one.label === label) === at);
      const named = two.map((one) => `${nameOf.get(one)} (${classes.value[one.label]!.name})`);
      return `${named.join(' and ')} look the same and are in ${two.length} classes: no network can tell them apart. Remove one.`;
    }),
  ];
});

/** Pictures that the browser cannot decode, a sentence; null where there are none. */
export const unreadable = computed((): string | null => {
  const names = all.value
    .filter(({ example }) => looks.value.get(example.id) === null)
    .map(({ example }) => example.name);
  if (names.length === 0) return null;
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''} cannot be decoded by this browser and ${names.length === 1 ? 'is' : 'are'} left out.`;
});
