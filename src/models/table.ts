/**
 * The table of networks: one row a family, and `buildModel`, which makes a network of a name in it or of a table of its
 * own. A new family is a file and a line here. It needs no files: src/weights loads weights into what it builds.
 */
import { type Model, type ModelSpec, onDevice } from '../nn/index.ts';
import { getDefaultDevice } from '../tensor/index.ts';
import { unknownName } from '../text/suggest.ts';
import { ALEXNET } from './alexnet.ts';
import { EFFICIENTNET } from './efficientnet.ts';
import { type Family, type ModelOptions, SPECIAL_OPTIONS, type WeightProperties } from './family.ts';
import { tableFamily } from './mbconv-net.ts';
import { checkTable, type MBConvTable } from './mbconv-table.ts';
import { MOBILENET } from './mobilenet.ts';
import { RESNET } from './resnet.ts';

export type { ModelOptions } from './family.ts';
export type { MBConvRow, MBConvTable } from './mbconv-table.ts';

/** In the order in which names are listed and files are recognised. */
export const FAMILIES: readonly Family[] = [RESNET, ALEXNET, EFFICIENTNET, MOBILENET];

/** A network: its name in the table of networks, or a table of MBConv stages. */
export type Network = string | MBConvTable;

/** What a network is called. */
export const nameOf = (network: Network): string => (typeof network === 'string' ? network : network.name);

/** The names that `buildModel` knows. */
export function modelNames(): readonly string[] {
  return FAMILIES.flatMap(({ networks }) => networks);
}

/** The row of a network. @throws RangeError for an unknown name, with what may have been meant, and for a wrong table */
export function familyOf(network: Network): Family {
  const table = typeof network === 'string' ? null : checkTable(network);
  const name = typeof network === 'string' ? network : network.name;
  const named = FAMILIES.find(({ networks }) => networks.includes(name));
  if (!table) {
    if (!named) throw new RangeError(unknownName('model', name, modelNames()));
    return named;
  }
  if (named)
    throw new RangeError(`${table.name} is the name of another network; give the table a name of its own`);
  return tableFamily(table);
}

/** @throws RangeError for an unknown name or a wrong table, and for options that the network does not have or cannot take */
export function checkModel(network: Network, options: ModelOptions): void {
  const { takes } = familyOf(network);
  const name = nameOf(network);
  for (const [option, special] of Object.entries(SPECIAL_OPTIONS)) {
    const value = options[option as keyof typeof SPECIAL_OPTIONS];
    if (value && !takes.includes(option as keyof typeof SPECIAL_OPTIONS))
      throw new RangeError(
        `${name} has no ${special.what}, so ${option} ${value} does nothing; leave it out`,
      );
    const fault = value !== undefined && 'fault' in special ? special.fault(value) : null;
    if (fault) throw new RangeError(`${name}: ${fault}`);
  }
  const { numClasses = 1000 } = options;
  if (!Number.isInteger(numClasses) || numClasses < 1)
    throw new RangeError(`${name}: ${numClasses} is no number of classes`);
}

/**
 * What has to be known of weights beside their architecture, none of it left open: padding and batch norm's epsilon of
 * an EfficientNet, as given, else as the network's name stands for. Nothing in networks without such a choice.
 */
export function weightProperties(network: Network, given: WeightProperties = {}): WeightProperties {
  const own = familyOf(network).properties(nameOf(network));
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [key, given[key] ?? value]));
}

/** One name for the networks that have the same tensors: a network and its twins take each other's weights. */
export function architectureOf(network: Network): string {
  return familyOf(network).architecture(nameOf(network));
}

/** The table of a network of MBConv stages; null for networks of other stages. @throws RangeError as `familyOf` */
export function mbconvTableOf(network: Network): MBConvTable | null {
  return familyOf(network).table?.(nameOf(network)) ?? null;
}

/** What a spec names: a network of the table, or the table that it carries. @throws RangeError for a wrong table */
export function networkOf({ name, table }: ModelSpec): Network {
  if (table === undefined) return name;
  const checked = checkTable(table);
  familyOf(checked);
  if (checked.name !== name)
    throw new RangeError(`the table is called ${checked.name}, the model something else`);
  return checked;
}

/**
 * A model with initial values on `options.device` (the default device otherwise).
 * @param network a name of the table of networks (`modelNames`), or a table of MBConv stages
 * @throws RangeError as `checkModel`
 */
export function buildModel(network: Network, options: ModelOptions = {}): Model {
  checkModel(network, options);
  const { device = getDefaultDevice(), seed = 0, initialise = true, padding, normEps } = options;
  const name = nameOf(network);
  const model = onDevice(device, () => familyOf(network).build(name, options), {
    initialise: false,
  }).seedDropout(seed);
  const given = { ...(padding && { padding }), ...(normEps && { normEps }) };
  const properties = weightProperties(network, given);
  model.spec =
    typeof network === 'string'
      ? { name, options: properties }
      : { name, options: properties, table: checkTable(network) };
  return initialise ? model.initialise(seed) : model;
}
