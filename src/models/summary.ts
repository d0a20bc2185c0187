/**
 * What a network is made of: its layers and stages with their output shapes, parameters, multiply-adds and bytes. One
 * forward pass is taken with taps on every layer; on a dry device (src/gpu/dry.ts) that costs milliseconds and no
 * GPU, and no layer needs a shape formula of its own.
 *
 * Multiply-adds are those of the definition, whatever algorithm the kernels use: in a convolution or a linear layer
 * every weight is used once for each position of the output. Norms, activations and pools are not counted, as in the
 * papers' figures.
 */
import { heightWidth, type InputSize } from '../data/input-size.ts';
import { BatchNorm2d, Conv2d, Linear, type Model, type Module, tapping } from '../nn/index.ts';
import { empty, noGrad, type Shape, scope, type Tensor } from '../tensor/index.ts';

/** A layer with parameters. */
export interface LayerSummary {
  /** Path in the model, as in the names of its parameters. */
  name: string;
  /** In a few words: `conv 3×3 / 2, 64 → 128`. */
  kind: string;
  /** Of one picture: [H, W, C] or [C]. */
  output: Shape;
  /** Values that train or could; running statistics are not among them. */
  parameters: number;
  /** For one picture. */
  multiplyAdds: number;
  /** Bytes of the output, of one picture. */
  activationBytes: number;
  /** Nothing in it trains. */
  frozen: boolean;
}

export interface StageSummary extends Omit<LayerSummary, 'kind'> {
  layers: LayerSummary[];
}

export interface ModelSummary {
  /** Of the picture, a side or [height, width]. */
  size: InputSize;
  stages: StageSummary[];
  parameters: number;
  trainableParameters: number;
  multiplyAdds: number;
}

/**
 * The layers of `model` for a picture of a size, stage by stage, frozen or not as they are now. The model's
 * device computes a forward pass: give one that lives on a dry device.
 * @throws RangeError where a picture of that size becomes smaller than a kernel
 */
export function summarise(model: Model, size: InputSize): ModelSummary {
  const { training } = model;
  model.eval();
  const [[, { device }]] = model.namedParameters();
  const paths = new Map([...model.namedModules()].map(([path, module]) => [module, path]));
  const layers = new Map<Module, LayerSummary>();
  const outputs = new Map<string, Shape>();
  const look = (module: Module, { shape }: Tensor): void => {
    const layer = layerOf(module, paths.get(module)!, shape);
    if (layer) layers.set(module, layer);
  };
  const run = (x: Tensor, stage: string): Tensor => {
    const y = model.forwardStages(x, { from: stage, through: stage });
    outputs.set(stage, y.shape.slice(1));
    return y;
  };
  scope(() =>
    noGrad(() => tapping(look, () => model.stages.reduce(run, empty(device, [1, ...heightWidth(size), 3])))),
  );
  model.train(training);
  const ordered = [...model.namedModules()].flatMap(([, module]) => layers.get(module) ?? []);
  const stages = model.stages.map((stage) =>
    stageOf(
      stage,
      outputs.get(stage)!,
      ordered.filter(({ name }) => model.findStage(name) === stage),
    ),
  );
  return {
    size,
    stages,
    parameters: total(ordered, 'parameters'),
    trainableParameters: [...model.namedParameters()].reduce(
      (sum, [, parameter]) => sum + (parameter.requiresGrad ? parameter.size : 0),
      0,
    ),
    multiplyAdds: total(ordered, 'multiplyAdds'),
  };
}

function stageOf(name: string, output: Shape, layers: LayerSummary[]): StageSummary {
  return {
    name,
    output,
    parameters: total(layers, 'parameters'),
    multiplyAdds: total(layers, 'multiplyAdds'),
    activationBytes: total(layers, 'activationBytes'),
    frozen: layers.every(({ frozen }) => frozen),
    layers,
  };
}

const total = (
  layers: readonly LayerSummary[],
  key: 'parameters' | 'multiplyAdds' | 'activationBytes',
): number => layers.reduce((sum, layer) => sum + layer[key], 0);

/** A tapped module as a row; null where its parameters are its children's (squeeze-and-excitation). */
function layerOf(module: Module, name: string, shape: Shape): LayerSummary | null {
  if (!module.namedChildren().next().done) return null;
  const parameters = [...module.namedParameters()].map(([, parameter]) => parameter);
  const output = shape.slice(1);
  const values = output.reduce((product, extent) => product * extent, 1);
  const positions = values / output.at(-1)!;
  return {
    name,
    kind: kindOf(module),
    output,
    parameters: parameters.reduce((sum, { size }) => sum + size, 0),
    multiplyAdds: module instanceof Conv2d || module instanceof Linear ? positions * module.weight.size : 0,
    activationBytes: 4 * values,
    frozen: parameters.every(({ requiresGrad }) => !requiresGrad),
  };
}

/** A layer in a few words. */
function kindOf(module: Module): string {
  if (module instanceof Conv2d) {
    const [kh, kw] = module.weight.shape;
    const [sh, sw] = module.stride;
    const stride = sh === sw ? (sh === 1 ? '' : ` / ${sh}`) : ` / ${sh}×${sw}`;
    const kernel = `${kh}×${kw}${stride}`;
    if (module.depthwise) return `depthwise ${kernel}, ${module.outChannels}`;
    const groups = module.groups > 1 ? `, ${module.groups} groups` : '';
    return `conv ${kernel}, ${module.inChannels} → ${module.outChannels}${groups}`;
  }
  if (module instanceof Linear) return `linear, ${module.inFeatures} → ${module.outFeatures}`;
  return module instanceof BatchNorm2d ? 'batch norm' : module.constructor.name;
}
