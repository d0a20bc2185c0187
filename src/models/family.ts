/**
 * What a family of networks says of itself: its file exports one `Family`, and table.ts lists it. Everything else in the
 * house asks the row and knows no family by name.
 */
import type { Device } from '../gpu/index.ts';
import type { Model, ModelSpec } from '../nn/index.ts';
import type { MBConvTable } from './mbconv-table.ts';

export interface ModelOptions {
  device?: Device;
  /** Outputs of the last layer; 1000 by default. */
  numClasses?: number;
  /** Probability of dropping a feature before the classifier; the architecture's own by default. */
  dropout?: number;
  /** Probability of dropping the deepest residual branch (EfficientNet); the architecture's own by default. */
  dropPath?: number;
  /** Of the initial values and of dropout; 0 by default. */
  seed?: number;
  /** False leaves the parameters without values, where weights will overwrite every one of them. */
  initialise?: boolean;
  /** ResNet: the last norm of each block starts at 0. */
  zeroInitResidual?: boolean;
  /** EfficientNet, a property of the weights: PyTorch's symmetric padding or TensorFlow's; by the name otherwise. */
  padding?: 'torch' | 'same';
  /** EfficientNet, a property of the weights: batch norm's epsilon. */
  normEps?: number;
}

/** What has to be known of weights beside their architecture, none of it left open; empty where nothing has. */
export type WeightProperties = ModelSpec['options'];

/** An option that not every family has: what a family lacks that does not take it, and what is wrong with a value. */
interface SpecialOption {
  what: string;
  fault?: (value: unknown) => string | null;
}

const paddingFault = (value: unknown): string | null =>
  value === 'torch' || value === 'same' ? null : `padding is 'torch' or 'same', not '${value}'`;
const epsilonFault = (value: unknown): string | null =>
  typeof value === 'number' && value > 0 && value < 1
    ? null
    : `normEps is a number between 0 and 1, such as 1e-3, not ${value}`;

/** The options that some families take. */
export const SPECIAL_OPTIONS = {
  dropPath: { what: 'stochastic depth' },
  padding: { what: 'choice of padding', fault: paddingFault },
  normEps: { what: "choice of batch norm's epsilon", fault: epsilonFault },
  zeroInitResidual: { what: 'choice of where its residual branches start' },
} as const satisfies Partial<Record<keyof ModelOptions, SpecialOption>>;

/** What a library calls a family's tensors. */
export interface NameStyle {
  /** Whose names they are; where torchvision and timm agree, 'torchvision'. */
  style: string;
  /** Tensors that every file of a network of this family has under these names. Another family may have them too. */
  signs: readonly string[];
  /**
   * The modules of a model that hold tensors, under these names and in the model's own order. Without it files under
   * these names are taken as they are.
   */
  modules?: (model: Model) => readonly string[];
  /** Of two networks with the same tensors, the one with this padding has them under these names. */
  padding?: 'torch' | 'same';
  /** What these names alone say of the weights. */
  implies?: WeightProperties;
}

/** The modules of a model that hold tensors, in order. */
export function modulesWithTensors(model: Model): string[] {
  return [...new Set([...model.namedParameters()].map(([name]) => name.slice(0, name.lastIndexOf('.'))))];
}

/** The row of a family in the table of networks. */
export interface Family {
  /** The names of its networks. */
  networks: readonly string[];
  /** Builds one of them; the options have been checked. */
  build: (name: string, options: ModelOptions) => Model;
  /** Which of the special options it takes. */
  takes: readonly (keyof typeof SPECIAL_OPTIONS)[];
  /** What a network's name says of the weights that it stands for. */
  properties: (name: string) => WeightProperties;
  /** One name for networks that have the same tensors and take each other's weights. */
  architecture: (name: string) => string;
  /** Its tensors' names in the libraries whose files are read. */
  names: readonly NameStyle[];
  /** The table of one of its networks, where they are networks of MBConv stages. */
  table?: (name: string) => MBConvTable;
}

/** A family whose names say all, and whose networks have no twins. */
export const PLAIN: Pick<Family, 'properties' | 'architecture'> = {
  properties: () => ({}),
  architecture: (name) => name,
};

/**
 * The names of a body in `nn.Sequential(*list(model.children())[:-2])`, as fastai and examples of Lightning cut it off:
 * children have numbers in place of names, and the head is elsewhere.
 * @param number what a module of the network is called there
 */
export function inSequence(
  { modules, ...of }: NameStyle & Required<Pick<NameStyle, 'modules'>>,
  signs: readonly string[],
  number: (module: string) => string,
): NameStyle {
  return { ...of, style: 'Sequential', signs, modules: (model) => modules(model).map(number) };
}
