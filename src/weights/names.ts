/**
 * Whose names a weights file has, and what our models call the same tensors. The names themselves are each family's own
 * (src/models); here files are recognised by them and renamed. Everything is a pure function of names.
 */
import type { NameStyle, WeightProperties } from '../models/family.ts';
import { FAMILIES, familyOf, networkOf } from '../models/table.ts';
import type { Model } from '../nn/index.ts';
import { listNames, shorten } from './formats/error.ts';
import type { OtherWeights, StateDict, WeightsFile } from './formats/state.ts';

const bears = (names: ReadonlySet<string>, { signs }: NameStyle): boolean =>
  signs.every((name) => names.has(name));

/** The naming of some tensors among those of a family; undefined where it has none of the kind. */
function styleAmong(styles: readonly NameStyle[], names: Iterable<string>): NameStyle | undefined {
  const present = new Set(names);
  return styles.find((style) => bears(present, style));
}

/** Families whose files can have these names, each with the naming that it is. Two families may share names. */
export function namedLike(names: Iterable<string>): { networks: readonly string[]; style: NameStyle }[] {
  const present = new Set(names);
  return FAMILIES.flatMap(({ networks, names: styles }) => {
    const style = styleAmong(styles, present);
    return style ? [{ networks, style }] : [];
  });
}

/** How the weights want to be computed with, where the names alone say so. */
export function impliedProperties(names: Iterable<string>): WeightProperties {
  return namedLike(names).find(({ style }) => style.implies)?.style.implies ?? {};
}

/** Names in files of other networks and libraries that people take for one of ours, and what to say of them. */
const STRANGE: readonly (readonly [name: RegExp, sentence: string])[] = [
  [
    /(?:^|\.)embedder\.embedder\.convolution\.weight$/,
    "holds a ResNet under the names of Hugging Face's transformers, which are not known here; take the same network from timm, whose names are",
  ],
  [
    /(?:^|\.)(?:cls_token|class_token|pos_embed|position_embeddings|relative_position_bias_table|class_embedding)$/,
    'holds a transformer, and all networks here are convolutional',
  ],
  [
    /(?:^|\.)model\.\d+\.(?:cv1|m\.0|conv)\.(?:conv\.|bn\.)?\w+/,
    'holds a network of Ultralytics (YOLO), of which there is none here',
  ],
];

/** What the names of a file that fits no network say of it, as `holds …` goes on; null where they say nothing. */
export function strangeNames(names: Iterable<string>): string | null {
  const present = [...names];
  return STRANGE.find(([sign]) => present.some((name) => sign.test(name)))?.[1] ?? null;
}

/** What every file of one of our networks has under each of the namings that are known. */
const SIGNS: readonly (readonly string[])[] = FAMILIES.flatMap(({ names }) =>
  names.map(({ signs }) => signs),
);

/**
 * The tensors of a network inside a file that puts something before their names: Lightning's `model.`, `backbone.`,
 * `encoder_q.`, whatever stands before all of them. What does not have it is left and named, and stays at hand.
 * @param networks lists of names, of which a network has one whole; those of our own by default
 * @returns null where none is there under any prefix; the file itself where nothing stands before the names
 */
export function withoutPrefix(file: WeightsFile, networks = SIGNS): WeightsFile | null {
  const present = new Set(file.tensors.keys());
  const prefixes = networks.flatMap((names) => prefixesOf(present, names));
  if (prefixes.length === 0) return null;
  if (prefixes.includes('')) return file;
  const [prefix] = prefixes;
  const tensors: StateDict = new Map();
  const left: StateDict = new Map();
  for (const [name, tensor] of file.tensors) {
    if (name.startsWith(prefix)) tensors.set(name.slice(prefix.length), tensor);
    else left.set(name, tensor);
  }
  const notes = [...(file.notes ?? []), `Took the prefix '${shorten(prefix)}' off ${tensors.size} names.`];
  if (left.size === 0) return { ...file, tensors, notes };
  notes.push(`Left ${left.size} without it: ${listNames([...left.keys()])}.`);
  const rest: OtherWeights = {
    tensors: left.size,
    read: () => ({ ...file, tensors: left, others: [] }),
  };
  return { ...file, tensors, notes, others: [rest, ...(file.others ?? [])] };
}

/** The tensors in a file that have the names of a network of ours, under whatever prefix; the file as it is without. */
export function networkAmong(file: WeightsFile): WeightsFile {
  const own = withoutPrefix(file);
  if (own) return own;
  for (const { read } of file.others ?? []) {
    const other = withoutPrefix(read());
    if (other) return other;
  }
  return file;
}

/** What stands before every one of `names` among those that are present, in their order. */
function prefixesOf(present: ReadonlySet<string>, [first, ...rest]: readonly string[]): string[] {
  return [...present]
    .filter((name) => name === first || name.endsWith(`.${first}`))
    .map((name) => name.slice(0, -first.length))
    .filter((prefix) => rest.every((name) => present.has(prefix + name)));
}

/** Names of a model's parameters and buffers, and the styles that its family knows. */
function styleOf({ spec }: Model, names: Iterable<string>): NameStyle | undefined {
  return spec ? styleAmong(familyOf(networkOf(spec)).names, names) : undefined;
}

/** The naming that a model itself has; undefined for a network that is in no table. */
export function ownStyle(model: Model): NameStyle | undefined {
  return styleOf(
    model,
    [...model.namedParameters()].map(([name]) => name),
  );
}

/**
 * A model's own tensors under the names of another library.
 * @param style one that the model's family knows (`NameStyle.style`)
 */
export function underNames(tensors: StateDict, model: Model, style: string): StateDict {
  const own = ownStyle(model);
  if (!own || own.style === style) return tensors;
  const target = familyOf(networkOf(model.spec!)).names.find((one) => one.style === style);
  if (!own.modules || !target?.modules)
    throw new RangeError(`the names of ${model.spec!.name} in ${style} are not known`);
  const targets = target.modules(model);
  const table = new Map(own.modules(model).map((module, index) => [module, targets[index]!]));
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const dot = name.lastIndexOf('.');
      return [`${table.get(name.slice(0, dot))!}${name.slice(dot)}`, tensor];
    }),
  );
}

/**
 * A file's tensors under the names of a model. They are renamed only where the file has the names of another library,
 * and the model's family knows them; anything else keeps its name.
 * @returns the tensors, and a sentence for the report where something was renamed
 */
export function matchNames(tensors: StateDict, model: Model): { tensors: StateDict; notes: string[] } {
  const own = ownStyle(model);
  const source = styleOf(model, tensors.keys());
  if (!source?.modules || !own?.modules || source.style === own.style) return { tensors, notes: [] };
  const targets = own.modules(model);
  const table = new Map(source.modules(model).map((module, index) => [module, targets[index]!]));
  const renamed: StateDict = new Map();
  let example: string | undefined;
  let count = 0;
  for (const [name, tensor] of tensors) {
    const dot = name.lastIndexOf('.');
    const module = table.get(name.slice(0, dot));
    const newName = module === undefined ? name : `${module}${name.slice(dot)}`;
    // Two names that become one: a file of both styles. It stays as it is, and loading refuses it.
    if (renamed.has(newName)) return { tensors, notes: [] };
    renamed.set(newName, tensor);
    if (newName === name) continue;
    count++;
    if (!example?.includes('block')) example = `${shorten(name)} is ${newName}`;
  }
  const note = `Renamed ${count} tensors from ${source.style}'s names to ${own.style}'s (${example}).`;
  return { tensors: renamed, notes: count > 0 ? [note] : [] };
}

/**
 * Whether a tensor that a model does not have may lie beside its own: a head of another make, a loss's weights, a
 * projector. One inside the body may not: it says that the file is of a larger network (ResNet-34's file has every
 * tensor of ResNet-18).
 */
export function besideBody(model: Model, file: StateDict): (name: string) => boolean {
  const parameters = [...model.namedParameters()].map(([name]) => name);
  const theirs = styleOf(model, file.keys())?.modules?.(model) ?? [];
  const head = styleOf(model, parameters)?.modules?.(model).indexOf(model.classifier);
  const body = [
    ...parameters.filter((name) => !model.isHead(name)),
    ...theirs.filter((_, index) => index !== head),
  ];
  const roots = new Set(body.map((name) => name.split('.')[0]));
  return (name) => model.isHead(name) || !roots.has(name.split('.')[0]);
}

/** Whether a model calls its tensors as `style` does. */
export function callsThem(model: Model, style: NameStyle): boolean {
  return bears(new Set([...model.namedParameters()].map(([name]) => name)), style);
}
