/**
 * What the figures and tables are made from: a training step's forward pass of a model, taken on a dry device
 * (src/gpu/dry.ts). Taps say which layer computed what; the names of the programs that were dispatched in between say
 * what else was done (activations, pools, residuals), so that a picture cannot claim what the code does not do.
 */
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { type LayerSummary, type StageSummary, summarise } from '../../src/models/summary.ts';
import { buildModel } from '../../src/models/table.ts';
import { BatchNorm2d, type Model, type Module, tapping } from '../../src/nn/index.ts';
import { empty } from '../../src/tensor/index.ts';

/** A dispatch: the program's name, floating-point operations, bytes moved. */
export interface Ran {
  program: string;
  flops: number;
  bytes: number;
}

/** A convolution or linear layer, with the norm behind it. */
export interface Unit {
  /** Path of the layer in the model. */
  path: string;
  /** What was done, in order: `conv 1×1, 24 → 144`, `batch norm`, `SiLU`. */
  words: string[];
  /** Whether something was added before the activation. */
  adds: boolean;
  /** [H, W, C] or [C] of one picture. */
  output: readonly number[];
  parameters: number;
  multiplyAdds: number;
}

export interface StageTrace extends StageSummary {
  units: Unit[];
  /** What was done in the stage, layer after layer. */
  words: string[];
}

export interface ModelTrace {
  model: Model;
  /** Side of the picture. */
  size: number;
  stages: StageTrace[];
  parameters: number;
  multiplyAdds: number;
  /** Every dispatch by the layer that it led up to. */
  dispatches: { path: string; ran: Ran[] }[];
}

/** What a program stands for; `kind` is the layer's own description. First match counts. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(workgroup-)?(tile|depthwise|plain)-|^vector-sum$/, 'kind'],
  [/^(window|winograd)-|^vector-\d+$|^batch-norm-(moments|merge)|^tile-weight-splits/, ''],
  [/^batch-norm-none/, 'batch norm'],
  [/^batch-norm-relu6/, 'batch norm, ReLU6'],
  [/^batch-norm-relu/, 'batch norm, ReLU'],
  [/^batch-norm-silu/, 'batch norm, SiLU'],
  [/^relu$/, 'ReLU'],
  [/^silu$/, 'SiLU'],
  [/^sigmoid$/, 'sigmoid'],
  [/^lrn/, 'LRN'],
  [/^max-pool-3x3-stride-2x2/, 'max-pool 3×3 / 2'],
  [/^(sum|adaptive-avg-pool)-/, 'average'],
  [/^excite-reduce/, 'kind, SiLU'],
  [/^excite-expand/, 'kind, sigmoid'],
  [/^scale-channels/, 'scale'],
  [/^mul-/, 'scale'],
  [/^drop-/, 'dropout'],
];

function wordsOf(ran: readonly Ran[], kind: string): string[] {
  const words = ran.flatMap(({ program }) => {
    const known = WORDS.find(([pattern]) => pattern.test(program));
    if (!known) throw new Error(`docs/drawing/trace.ts has no word for the program '${program}'`);
    return known[1].split(', ').map((word) => (word === 'kind' ? kind : word));
  });
  return words.filter((word, index) => word !== '' && word !== words[index - 1]);
}

/** A device without limits and with subgroups of 32 lanes, which computes nothing; `ran` collects its dispatches. */
export async function tracedDevice(): Promise<{ device: Device; ran: Ran[] }> {
  const { device } = await dryDevice({
    ...boundless(PLAIN_DEVICE),
    traits: { ...PLAIN_DEVICE.traits, lanes: 32 },
  });
  const ran: Ran[] = [];
  device.observe({
    dispatch: ({ program: { name }, flops, bytes }) => {
      if (!/^excite-(vec4f|f32)/.test(name)) ran.push({ program: name, flops, bytes });
      // One dispatch computes two layers.
      else
        for (const layer of ['excite-reduce', 'excite-expand'])
          ran.push({ program: layer, flops: flops / 2, bytes: bytes / 2 });
    },
  });
  return { device, ran };
}

/** Traces the model called `name` for one picture, of its own size by default. */
export async function trace(name: string, size?: number): Promise<ModelTrace> {
  const { device, ran } = await tracedDevice();
  // Without stochastic depth a block adds its input in the pass of its last norm, which shows that it does.
  const model = buildModel(name, { device, initialise: false, dropPath: 0 });
  const side = size ?? model.inputSize;
  const summary = summarise(model, side);
  const layers = new Map(summary.stages.flatMap((stage) => stage.layers.map((layer) => [layer.name, layer])));
  const paths = new Map([...model.namedModules()].map(([path, module]) => [module, path]));
  const dispatches: ModelTrace['dispatches'] = [];
  const stages: StageTrace[] = [];
  model.train();
  let x = empty(device, [1, side, side, 3]);
  for (const stage of summary.stages) {
    const units: Unit[] = [];
    const words: string[] = [];
    ran.length = 0;
    tapping(
      (module) => {
        const layer = layers.get(paths.get(module)!);
        // What comes behind one of two layers of a dispatch is the other's, or their block's.
        const shared = ran.findIndex(({ program }) => program.startsWith('excite-'));
        const own = ran.splice(0, shared < 0 ? ran.length : shared + 1);
        const done = wordsOf(own, layer?.kind ?? '');
        words.push(...done);
        dispatches.push({ path: paths.get(module)!, ran: own });
        addTo(units, module, layer, done, dispatches.at(-1)!);
      },
      () => {
        x = model.forwardStages(x, { from: stage.name, through: stage.name });
      },
    );
    words.push(...wordsOf(ran, ''));
    stages.push({ ...stage, units, words });
  }
  const { parameters, multiplyAdds } = summary;
  return { model, size: side, stages, parameters, multiplyAdds, dispatches };
}

/** A norm, or the second look at a layer, belongs to the unit before it; so does the scaling of a gate. */
function addTo(
  units: Unit[],
  module: Module,
  layer: LayerSummary | undefined,
  words: string[],
  { path, ran }: { path: string; ran: readonly Ran[] },
): void {
  const last = units.at(-1);
  if (last && (module instanceof BatchNorm2d || last.path === path || !layer)) {
    last.words.push(...words);
    last.adds ||= ran.some(({ program }) => program.includes('-residual'));
    if (module instanceof BatchNorm2d) last.parameters += layer!.parameters;
  } else if (layer)
    units.push({
      path,
      words,
      adds: false,
      output: layer.output,
      parameters: layer.parameters,
      multiplyAdds: layer.multiplyAdds,
    });
}

/** `25.6 M`: three digits and a unit. */
export function count(value: number): string {
  const [divisor, unit] =
    value >= 1e9 ? [1e9, ' G'] : value >= 1e6 ? [1e6, ' M'] : value >= 1e3 ? [1e3, ' k'] : [1, ''];
  return `${Number((value / divisor).toPrecision(3))}${unit}`;
}

/** `56² × 64`, or `1000` for a vector. */
export const shapeText = (shape: readonly number[]): string =>
  shape.length === 3 ? `${shape[0]}² × ${shape[2]}` : `${shape.at(-1)}`;
