/**
 * Whose names a weights file has, and what our models call the same tensors. The names themselves are each family's own
 * (src/models); here files are recognised by them and renamed. Everything is a pure function of names.
 */
import type { NameStyle, WeightProperties } from '../models/family.ts';
import { FAMILIES, familyOf, networkOf } from '../models/table.ts';
import type { Model } from '../nn/index.ts';
import { shorten } from './formats/error.ts';
import type { StateDict } from './formats/state.ts';

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

/** Names of a model's parameters and buffers, and the styles that its family knows. */
function styleOf({ spec }: Model, names: Iterable<string>): NameStyle | undefined {
  return spec ? styleAmong(familyOf(networkOf(spec)).names, names) : undefined;
}

/**
 * A file's tensors under the names of a model. They are renamed only where the file has the names of another library,
 * and the model's family knows them; anything else keeps its name.
 * @returns the tensors, and a sentence for the report where something was renamed
 */
export function matchNames(tensors: StateDict, model: Model): { tensors: StateDict; notes: string[] } {
  const own = styleOf(
    model,
    [...model.namedParameters()].map(([name]) => name),
  );
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

/** Whether a model calls its tensors as `style` does. */
export function callsThem(model: Model, style: NameStyle): boolean {
  return bears(new Set([...model.namedParameters()].map(([name]) => name)), style);
}
