/** Every architecture by name. `buildModel` needs no files: src/weights/create-model.ts loads weights into what it builds. */
import type { Device } from '../gpu/index.ts';
import { type Model, type ModelSpec, onDevice } from '../nn/index.ts';
import { getDefaultDevice } from '../tensor/index.ts';
import { unknownName } from '../text/suggest.ts';
import { ALEXNETS, AlexNet, type AlexNetName } from './alexnet.ts';
import { EFFICIENTNETS, EfficientNet } from './efficientnet.ts';
import { RESNETS, ResNet, type ResNetName } from './resnet.ts';

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

type Builder = (options: ModelOptions) => Model;

const MODELS: Readonly<Record<string, Builder>> = {
  ...builders(Object.keys(RESNETS), (name) => (options) => new ResNet(name as ResNetName, options)),
  ...builders(Object.keys(ALEXNETS), (name) => (options) => new AlexNet(name as AlexNetName, options)),
  ...builders(Object.keys(EFFICIENTNETS), (name) => (options) => new EfficientNet(name, options)),
};

function builders(names: readonly string[], builder: (name: string) => Builder): Record<string, Builder> {
  return Object.fromEntries(names.map((name) => [name, builder(name)]));
}

/** Options that only some networks have: in others they would do nothing, and are refused. */
const OF_SOME: [option: keyof ModelOptions, networks: object, what: string][] = [
  ['dropPath', EFFICIENTNETS, 'stochastic depth'],
  ['padding', EFFICIENTNETS, 'choice of padding'],
  ['normEps', EFFICIENTNETS, "choice of batch norm's epsilon"],
  ['zeroInitResidual', RESNETS, 'choice of where its residual branches start'],
];

/** @throws RangeError for an unknown name, and for options that this model does not have or cannot take */
export function checkModel(name: string, options: ModelOptions): void {
  checkModelName(name);
  for (const [option, networks, what] of OF_SOME)
    if (options[option] && !Object.hasOwn(networks, name))
      throw new RangeError(
        `${name} has no ${what}, so ${option} ${options[option]} does nothing; leave it out`,
      );
  const { numClasses = 1000, padding = 'torch', normEps = 1e-5 } = options;
  if (!Number.isInteger(numClasses) || numClasses < 1)
    throw new RangeError(`${name}: ${numClasses} is no number of classes`);
  if (padding !== 'torch' && padding !== 'same')
    throw new RangeError(`${name}: padding is 'torch' or 'same', not '${padding}'`);
  if (!(normEps > 0 && normEps < 1))
    throw new RangeError(`${name}: normEps is a number between 0 and 1, such as 1e-3, not ${normEps}`);
}

/**
 * What has to be known of weights beside their architecture, none of it left open: padding and batch norm's epsilon of
 * an EfficientNet, as given, else as its name stands for. Nothing in other networks.
 */
export function weightProperties(name: string, given: ModelSpec['options'] = {}): ModelSpec['options'] {
  if (!Object.hasOwn(EFFICIENTNETS, name)) return {};
  const { padding, norm } = EFFICIENTNETS[name];
  return { padding: given.padding ?? padding, normEps: given.normEps ?? norm.eps };
}

/** The names that `buildModel` knows. */
export function modelNames(): readonly string[] {
  return Object.keys(MODELS);
}

/** @throws RangeError for an unknown name, with what may have been meant */
export function checkModelName(name: string): void {
  if (!Object.hasOwn(MODELS, name)) throw new RangeError(unknownName('model', name, modelNames()));
}

/**
 * A model with initial values on `options.device` (the default device otherwise).
 * @throws RangeError as `checkModel`
 */
export function buildModel(name: string, options: ModelOptions = {}): Model {
  checkModel(name, options);
  const { device = getDefaultDevice(), seed = 0, initialise = true, padding, normEps } = options;
  const model = onDevice(device, () => MODELS[name](options), { initialise: false }).seedDropout(seed);
  const given = { ...(padding && { padding }), ...(normEps && { normEps }) };
  model.spec = { name, options: weightProperties(name, given) };
  return initialise ? model.initialise(seed) : model;
}
