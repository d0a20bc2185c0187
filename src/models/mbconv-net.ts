/**
 * `MBConvNet`: a network that is a table of MBConv stages between a stem and a head. EfficientNet is one for each of its
 * scales; any other is made by its table alone (mbconv-table.ts).
 *
 *   stem 3×3 / 2 ── stages of MBConv ── head 1×1 ── average ── dropout ── linear
 */
import { globalAvgPool } from '../kernels/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  chain,
  convNormAct,
  Dropout,
  forwardOf,
  type Init,
  type InitRule,
  kaimingNormal,
  Linear,
  Model,
  type Module,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import {
  type Family,
  inSequence,
  type ModelOptions,
  type NameStyle,
  type WeightProperties,
} from './family.ts';
import { MBConv } from './mbconv.ts';
import { type BlockNames, NAMINGS, type Naming } from './mbconv-names.ts';
import type { MBConvTable } from './mbconv-table.ts';

/** A block, where it stands and what its parts are called. */
interface PlacedBlock {
  stage: string;
  name: string;
  block: MBConv;
}

export class MBConvNet extends Model {
  readonly stemConv: Conv2d;
  readonly stemNorm: BatchNorm2d;
  readonly blocks: readonly PlacedBlock[];
  readonly headConv: Conv2d;
  readonly headNorm: BatchNorm2d;
  readonly dropout: Dropout;
  head: Linear;

  readonly inputSize: number;
  readonly classifier: string;
  protected readonly lastFeatureStage: string;
  override readonly pooling = globalAvgPool;
  protected override readonly stagePrefixes: Readonly<Record<string, readonly string[]>>;
  protected readonly stageTable: Readonly<Record<string, (x: Tensor) => Tensor>>;

  constructor(
    private readonly table: MBConvTable,
    private readonly naming: Naming,
    options: ModelOptions = {},
  ) {
    super();
    const { numClasses = 1000, dropout = table.dropout ?? 0.2, dropPath = table.dropPath ?? 0.2 } = options;
    const { padding, normEps: eps } = { ...propertiesOf(table), ...defined(options) };
    const { activation, normMomentum } = table;
    const norm = { eps, ...(normMomentum === undefined ? {} : { momentum: normMomentum }) };
    const same = padding === 'same';

    let channels = table.stem;
    this.stemConv = new Conv2d(3, channels, 3, { stride: 2, padding: same ? 'same' : 1, bias: false });
    this.stemNorm = new BatchNorm2d(channels, norm);

    const total = table.rows.reduce((sum, [, , , , repeats]) => sum + repeats, 0);
    let flat = 0;
    this.blocks = table.rows.flatMap(([expandRatio, kernel, stride, outChannels, repeats, squeeze], stage) =>
      Array.from({ length: repeats }, (_, index) => {
        const { stage: stageName, names: name } = naming.block({ stage, index, flat });
        const block = new MBConv({
          inChannels: channels,
          outChannels,
          expandRatio,
          kernel,
          stride: index === 0 ? stride : 1,
          squeeze,
          activation,
          same,
          norm,
          names: naming.parts(expandRatio !== 1, squeeze > 0),
          dropPath: (dropPath * flat++) / total,
        });
        channels = outChannels;
        return { stage: stageName, name, block };
      }),
    );

    this.headConv = new Conv2d(channels, table.head, 1, { bias: false });
    this.headNorm = new BatchNorm2d(table.head, norm);
    this.dropout = new Dropout(dropout);
    this.head = new Linear(table.head, numClasses);

    const { stem, classifier } = naming;
    const head = naming.head(table.rows.length, total);
    const stages = new Map<string, PlacedBlock[]>();
    for (const placed of this.blocks) stages.set(placed.stage, [...(stages.get(placed.stage) ?? []), placed]);
    this.inputSize = table.inputSize;
    this.classifier = classifier.names;
    this.stagePrefixes = {
      [stem.stage]: [stem.stage, ...stem.names],
      [head.stage]: [head.stage, ...head.names],
      [classifier.stage]: [naming.dropout, classifier.stage],
    };
    this.lastFeatureStage = head.stage;
    this.stageTable = {
      [stem.stage]: (x) => convNormAct(x, this.stemConv, this.stemNorm, activation),
      ...Object.fromEntries(
        [...stages].map(([stage, placed]) => {
          const steps = placed.map(
            ({ block }) =>
              (y: Tensor) =>
                forwardOf(block, y),
          );
          return [stage, (x: Tensor) => chain(x, steps)];
        }),
      ),
      [head.stage]: (x) => convNormAct(x, this.headConv, this.headNorm, activation),
      [classifier.stage]: (x) => this.head.forward(this.dropout.forward(x)), // behind the pooling
    };
  }

  get numClasses(): number {
    return this.head.outFeatures;
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    const { stem, dropout, classifier } = this.naming;
    const head = this.naming.head(this.table.rows.length, this.blocks.length).names;
    yield [stem.names[0], this.stemConv];
    yield [stem.names[1], this.stemNorm];
    for (const { name, block } of this.blocks) yield [name, block];
    yield [head[0], this.headConv];
    yield [head[1], this.headNorm];
    yield [dropout, this.dropout];
    yield [classifier.names, this.head];
  }

  /** What a library calls the modules with tensors, in the order of this network's own names. */
  moduleNames(naming: Naming): string[] {
    const { rows } = this.table;
    let flat = 0;
    const blocks = rows.flatMap(([expandRatio, , , , repeats, squeeze], stage) => {
      const [expands, excites] = [expandRatio !== 1, squeeze > 0];
      const parts = blockModules(naming.parts(expands, excites), expands, excites);
      return Array.from({ length: repeats }, (_, index) => {
        const { names } = naming.block({ stage, index, flat: flat++ });
        return parts.map((part) => `${names}.${part}`);
      }).flat();
    });
    return [
      ...naming.stem.names,
      ...blocks,
      ...naming.head(rows.length, flat).names,
      naming.classifier.names,
    ];
  }

  /**
   * Kaiming by fan-out, U(±1/√classes) in the classifier, biases 0. The fan-out of a depthwise convolution is k² in
   * TensorFlow and timm; torchvision counts k²·channels, which makes the signal vanish until the norms have seen data.
   */
  protected override readonly initRule: InitRule = (module, attribute) => {
    if (attribute === 'bias') return { constant: 0 };
    if (module instanceof Linear) return this.headInit(module);
    if (!(module instanceof Conv2d)) return undefined;
    const [kh, kw, , outChannels] = module.weight.shape;
    const groups = this.naming === NAMINGS.timm ? module.groups : 1;
    return kaimingNormal((kh * kw * outChannels) / groups);
  };

  /** How the weight of the classifier starts. */
  protected headInit({ outFeatures }: Linear): Init {
    return { uniform: 1 / Math.sqrt(outFeatures) };
  }

  protected replaceClassifier(numClasses: number): void {
    this.head = new Linear(this.head.inFeatures, numClasses);
  }
}

/** Modules with tensors inside a block, in order. */
function blockModules(names: BlockNames, expands: boolean, excites: boolean): string[] {
  const squeeze = names.excitationLayers.map((layer) =>
    names.excitation ? `${names.excitation}.${layer}` : layer,
  );
  return [
    ...(expands ? names.expand : []),
    ...names.depthwise,
    ...(excites ? squeeze : []),
    ...names.project,
  ];
}

/** What a table says of the weights of its network. */
export function propertiesOf({ padding = 'torch', normEps = 1e-5 }: MBConvTable) {
  return { padding, normEps };
}

function defined({ padding, normEps }: ModelOptions) {
  return { ...(padding && { padding }), ...(normEps !== undefined && { normEps }) };
}

/** Files of a network of MBConv stages under a library's names. */
export function namedAs(
  naming: Naming,
  rest: Omit<NameStyle, 'modules'>,
): NameStyle & Required<Pick<NameStyle, 'modules'>> {
  return { ...rest, modules: (model) => (model instanceof MBConvNet ? model.moduleNames(naming) : []) };
}

/** lukemelas's networks are ports of TensorFlow's, padding and epsilon included. */
const TENSORFLOW: WeightProperties = { padding: 'same', normEps: 1e-3 };

/** timm's names, which it gives to all its networks of such blocks. */
export const TIMM_STYLE = namedAs(NAMINGS.timm, {
  style: 'timm',
  signs: ['conv_stem.weight', 'blocks.0.0.conv_dw.weight'],
});

const TORCHVISION_STYLE = namedAs(NAMINGS.torchvision, {
  style: 'torchvision',
  signs: ['features.0.0.weight', 'features.1.0.block.0.0.weight'],
  padding: 'torch',
});

/** What a module of torchvision's is called where its `features` are all there is. */
export const withoutFeatures = (module: string): string => module.replace(/^features\./, '');

/** The names that files of EfficientNets come under. */
export const MBCONV_STYLES: readonly NameStyle[] = [
  namedAs(NAMINGS.lukemelas, {
    style: 'lukemelas',
    signs: ['_conv_stem.weight', '_conv_head.weight'],
    padding: 'same',
    implies: TENSORFLOW,
  }),
  TIMM_STYLE,
  TORCHVISION_STYLE,
  inSequence(TORCHVISION_STYLE, ['0.0.weight', '1.0.block.0.0.weight'], withoutFeatures),
];

/** The row of a network that is given as data: it stands in no table of networks, and its names are timm's. */
export function tableFamily(table: MBConvTable): Family {
  return {
    networks: [table.name],
    build: (_name, options) => new MBConvNet(table, NAMINGS.timm, options),
    takes: ['dropPath', 'padding', 'normEps'],
    properties: () => propertiesOf(table),
    architecture: (name) => name,
    names: [TIMM_STYLE],
    table: () => table,
  };
}
