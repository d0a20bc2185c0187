/**
 * `step`: one training step of a copy of a network, with what each layer computes on the way. The network that answers
 * is not touched.
 */
import { decodeBlob } from '../../../../src/data/blob.ts';
import { heightWidth } from '../../../../src/data/input-size.ts';
import { evalTransform, type Preprocessing } from '../../../../src/data/transforms.ts';
import type { Device } from '../../../../src/gpu/index.ts';
import { summarise } from '../../../../src/models/summary.ts';
import { AdamW, BatchNorm2d, crossEntropy, freeze, type Model, SGD } from '../../../../src/nn/index.ts';
import { noGrad, scope, setStep, type Tensor, tensor } from '../../../../src/tensor/index.ts';
import { softmaxRow } from '../../../../src/train/metrics.ts';
import type {
  Answering,
  LayerSeen,
  NormSeen,
  OptimiserFacts,
  ParameterSeen,
  StepAsked,
  StepPicture,
  StepSeen,
} from '../../step.ts';
import type { Context } from '../serve.ts';
import type { Session } from '../session.ts';
import { readAll } from './figures.ts';
import { runningOf, updating } from './parameters.ts';
import { figuresOf, type ResultFigures, type Statistics } from './results.ts';
import { Watch } from './watch.ts';

/** Pictures of a step at most: what every layer computes of them is held at once. */
const MOST_PICTURES = 8;
/** What is told while it runs. */
const PHASES = ['the pictures', 'the answers before', 'forward', 'backward', 'update', 'the answers after'];

export async function step(
  session: Session,
  asked: StepAsked,
  { tell, breathe }: Context<'step'>,
): Promise<StepSeen> {
  const { pictures } = asked;
  if (pictures.length < 1 || pictures.length > MOST_PICTURES)
    throw new RangeError(`a step takes 1 to ${MOST_PICTURES} pictures, not ${pictures.length}`);
  const begin = async (phase: number): Promise<void> => {
    await breathe();
    tell({ done: phase, total: PHASES.length, name: PHASES[phase]! });
  };
  const { model, device, preprocessing, ...copied } = await session.copy(asked.model, asked.classes);
  const watch = new Watch(model);
  try {
    await begin(0);
    const from = asked.from ?? model.stages.at(-1)!;
    const { frozenParameters, trainableParameters } = freezing(model, from, asked.norms);
    const images = await batchOf(pictures, preprocessing, device);
    const labels = Int32Array.from(pictures, ({ label }) => label);
    const facts = optimiserFacts(asked);
    const optimizer = optimizerOf(model, facts);
    await begin(1);
    const before = await answering(model, images, labels);

    await begin(2);
    model.train();
    const batchNorms = new Set(
      [...model.namedModules()].flatMap(([path, { active }]) => (active ? [path] : [])),
    );
    const frozen = await frozenFigures(model, images, from, watch);
    const runningBefore = await runningOf(model);
    // What is dropped depends on the seed and the number of the step.
    setStep(device, 0);
    const first = model.stageIndex(from);
    const learning = (path: string): boolean => model.stageIndex(model.findStage(path) ?? from) >= first;
    const [logits, loss] = scope(() =>
      watch.forward(() => {
        const given = model.forward(images);
        return [given, crossEntropy(given, labels)] as const;
      }, learning),
    );

    await begin(3);
    watch.backward(() => loss.backward());
    const own = await figuresOf(watch);
    watch.dispose();
    const [logitValues, [lossBefore]] = (await readAll(() => [logits, loss])) as [Values, Values];
    logits.dispose();

    await begin(4);
    const parameters = await updating(model, () => optimizer.step(loss));
    const runningAfter = await runningOf(model);
    loss.dispose();
    optimizer.dispose();

    await begin(5);
    setStep(device, 0);
    const again = scope(() => noGrad(() => crossEntropy(model.forward(images), labels)));
    const lossAfter = await again.item();
    again.dispose();
    const after = await answering(model, images, labels);
    images.dispose();

    const results = new Map([...frozen.results, ...own.results]);
    const statistics = new Map([...frozen.norms, ...own.norms]);
    return {
      ...{ model: asked.model, random: copied.random, newHead: copied.newHead, classes: copied.classes },
      pictures: pictures.map(({ name }) => name),
      labels: [...labels],
      ...{ stages: model.stages, from, optimiser: facts },
      ...{ frozenParameters, trainedParameters: trainableParameters },
      layers: layersOf(await session.shapes(asked.model, model.numClasses), results, parameters),
      norms: normsOf(model, statistics, batchNorms, { before: runningBefore, after: runningAfter }),
      ...{ logits: logitValues, loss: lossBefore!, lossAfter, answering: { before, after } },
    };
  } finally {
    watch.dispose();
    model.dispose();
  }
}

type Values = Float32Array<ArrayBuffer>;

function freezing(model: Model, from: string, norms: boolean) {
  const report = freeze(model, { before: from });
  return norms ? report : freeze(model, { norms: true });
}

async function batchOf(
  pictures: readonly StepPicture[],
  preprocessing: Preprocessing,
  device: Device,
): Promise<Tensor> {
  const shape = [pictures.length, ...heightWidth(preprocessing.inputSize), 3];
  const size = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const transform = evalTransform(preprocessing);
  const values = new Float32Array(pictures.length * size);
  for (const [i, { blob, name }] of pictures.entries())
    values.set(transform(await decodeBlob(blob, name), Math.random), i * size);
  return tensor(values, shape, { device, owned: true });
}

/** As `npm run train` has AdamW; SGD with the momentum that the papers of these networks used. */
function optimiserFacts({ optimiser, rate }: StepAsked): OptimiserFacts {
  return optimiser === 'SGD'
    ? { name: 'SGD', rate, momentum: 0.9, weightDecay: 0 }
    : { name: 'AdamW', rate, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
}

function optimizerOf(model: Model, facts: OptimiserFacts): SGD | AdamW {
  const { rate: lr, weightDecay } = facts;
  return facts.name === 'SGD'
    ? new SGD(model.parameters(), { lr, weightDecay, momentum: facts.momentum })
    : new AdamW(model.parameters(), { lr, weightDecay, betas: [facts.beta1, facts.beta2], eps: facts.eps });
}

/** What the network answers, in evaluation mode. */
async function answering(model: Model, images: Tensor, labels: Int32Array<ArrayBuffer>): Promise<Answering> {
  const { training } = model;
  model.eval();
  const [logits, [loss]] = (await readAll(() => {
    const given = model.forward(images);
    return [given, crossEntropy(given, labels)];
  })) as [Values, Values];
  model.train(training);
  const classes = model.numClasses;
  const probabilities = Array.from(
    labels,
    (label, i) => softmaxRow(logits.subarray(i * classes, (i + 1) * classes))[label]!,
  );
  return { loss: loss!, probabilities };
}

/**
 * What the stages before the first one that learns compute. The step itself runs each of their norms in the last lines of
 * its convolution; here they run apart, as they do where a gradient is recorded, so that each can be looked at.
 */
async function frozenFigures(model: Model, images: Tensor, from: string, watch: Watch) {
  const first = model.stageIndex(from);
  if (first === 0) return { results: new Map<string, ResultFigures>(), norms: new Map<string, Statistics>() };
  const recorded = images.alias(images.shape, true);
  recorded.requiresGrad = true;
  try {
    const through = model.stages[first - 1]!;
    watch.forward(() => scope(() => void model.forwardStages(recorded, { through })));
    return await figuresOf(watch);
  } finally {
    recorded.dispose();
    watch.dispose();
  }
}

function layersOf(
  { model: shapes, size }: Awaited<ReturnType<Session['shapes']>>,
  results: ReadonlyMap<string, ResultFigures>,
  parameters: readonly ParameterSeen[],
): LayerSeen[] {
  const known = new Map(
    summarise(shapes, size).stages.flatMap(({ name: stage, layers }) =>
      layers.map(({ name, kind, output }) => [name, { stage, kind, output }] as const),
    ),
  );
  return [...results].flatMap(([path, figures]): LayerSeen[] => {
    const layer = known.get(path);
    if (!layer) return []; // A block that hands on what its layers computed.
    const own = parameters.filter(({ name }) => name.startsWith(`${path}.`));
    return [{ path, ...layer, ...figures, learns: own.some(({ learns }) => learns), parameters: own }];
  });
}

type Running = ReadonlyMap<string, Values>;

function normsOf(
  model: Model,
  statistics: ReadonlyMap<string, Statistics>,
  ofBatch: ReadonlySet<string>,
  { before, after }: { before: Running; after: Running },
): NormSeen[] {
  return [...model.namedModules()].flatMap(([path, module]): NormSeen[] => {
    const found = statistics.get(path);
    if (!(module instanceof BatchNorm2d) || !found) return [];
    const moved = (name: string) => ({
      before: before.get(`${path}.${name}`)!,
      after: after.get(`${path}.${name}`)!,
    });
    const { eps, momentum } = module;
    return [
      {
        ...{ path, eps, momentum, batch: ofBatch.has(path), ...found },
        ...{ runningMean: moved('running_mean'), runningVar: moved('running_var') },
      },
    ];
  });
}
