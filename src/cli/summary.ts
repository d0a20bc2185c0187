/** `npm run summary MODEL`: what a network is made of, and whether a training step of it fits this adapter. */
import type { Command } from 'commander';
import { type InputSize, saidSize } from '../data/input-size.ts';
import { boundless, type DeviceLike, dryDevice, PLAIN_DEVICE } from '../gpu/dry.ts';
import { NoAdapterError } from '../gpu/index.ts';
import { type LayerSummary, type ModelSummary, type StageSummary, summarise } from '../models/summary.ts';
import { buildModel, checkModel, modelNames, type Network, nameOf } from '../models/table.ts';
import { type Model, SGD } from '../nn/index.ts';
import { statOrNull } from '../node/files.ts';
import type { MemoryBudget } from '../node/memory.ts';
import { type FreezingFigures, plannedFreezing } from '../train/freezing.ts';
import { freezeFor } from '../train/from-settings.ts';
import { checkpointOfRun } from '../train/node/run-folder.ts';
import { type Preflight, type PreflightOptions, preflight } from '../train/preflight.ts';
import { BEFORE } from '../train/settings.ts';
import { openStart } from '../weights/node/create-model.ts';
import { positiveNumber, wholeNumber } from './command-line.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { sizeOption } from './size-options.ts';
import { freezingTable } from './train/freezing-text.ts';
import { plannedMemory, remedyFor } from './train/preflight.ts';
import { DEFAULT_BATCH, phasesFor } from './train/settings.ts';
import {
  adapterName,
  bold,
  counted,
  formatBytes,
  formatCount,
  formatRows,
  printJson,
  say,
  table,
  UserError,
} from './ui.ts';

export const description =
  'Prints the stages and layers of a network: output shapes, parameters, multiply-adds, bytes of activations and what ' +
  '--train-from freezes; then what a training step takes, and whether that fits this adapter. Nothing is computed: ' +
  'the step is rehearsed without the GPU.';

export function options(command: Command): void {
  command
    .argument('<model>', 'name of a network, for example resnet18; or a checkpoint, or the folder of its run')
    .option(
      '--batch <n>',
      `pictures in a step (default: ${DEFAULT_BATCH}, or as many as fit)`,
      wholeNumber(1),
    )
    .addOption(sizeOption("side of the pictures (default: the architecture's own)", 1))
    .option(
      '--classes <n>',
      "outputs of the last layer (default: the checkpoint's; of a name 1000)",
      wholeNumber(1),
    )
    .option(
      '--train-from <stage>',
      "the first stage that trains, as `train` does it: a stage, 'head' or 'all' (default: all, norms included)",
    )
    .option('--train-norms', 'with --train-from: norms train as well')
    .option('--optimizer <name>', "'adamw', or 'sgd' with momentum", 'adamw')
    .option('--memory <GiB>', 'memory that the run may take (default: what this machine has)', positiveNumber)
    .option('--stages', 'leave the layers out')
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option(...UNTUNED)
    .option('--json', 'print one JSON document on stdout');
}

interface SummaryOptions {
  batch?: number;
  size?: InputSize;
  classes?: number;
  trainFrom?: string;
  trainNorms?: boolean;
  optimizer: string;
  memory?: number;
  stages?: boolean;
  adapter?: string;
  untuned?: boolean;
  json?: boolean;
}

/** The document of `--json`. */
interface Summary extends ModelSummary {
  model: string;
  classes: number;
  adapter: string | null;
  memory: MemoryBudget;
  /** Bytes that each stage keeps for the backward pass. */
  kept: Record<string, number>;
  /** What `--train-from` freezes and saves, at the rates of `train`; null without it. */
  freezing: FreezingFigures | null;
  step: Preflight & {
    trainFrom: string;
    /** Whether norms stay as they are in stages that train. */
    frozenNorms: boolean;
    optimizer: string;
    /** Whether the adapter's limits allow the step; where they do not, `cost` is what it would take without them. */
    withinLimits: boolean;
  };
}

/** What the last layer has where nobody says: ImageNet's. */
const CLASSES = 1000;

export async function run([named]: string[], options: SummaryOptions): Promise<number> {
  const { network, classes } = await networkNamed(named!);
  const { batch, classes: numClasses = classes ?? CLASSES, trainFrom = 'all' } = options;
  // Without --train-from a network is meant, whole; with it a run that fine-tunes.
  const trains = { trainFrom, trainNorms: options.trainNorms ?? options.trainFrom === undefined };
  checkModel(network, {});
  const optimizer = optimizerNamed(options.optimizer);
  const { like, adapter, memory, budget } = await surroundings(options);
  // The layers' table needs no adapter; whether they fit is the preflight's question.
  const { device } = await dryDevice(boundless(like));
  const model = buildModel(network, { device, numClasses, initialise: false });
  const { frozenNorms } = freezeFor(model, trains);
  const size = options.size ?? model.inputSize;
  const layers = summarise(model, size);
  const plan = {
    device: like,
    model: network,
    modelOptions: { numClasses },
    batch: batch ?? DEFAULT_BATCH,
    size,
    phases: [trains],
    optimizer,
    budget,
  };
  const step = await fittingStep(plan, batch === undefined);
  // What a step takes is worth knowing also where a limit of the adapter ends it.
  const anyway = { ...plan, device: boundless(like), budget: Number.POSITIVE_INFINITY };
  const withinLimits = step.cost !== null;
  const cost = step.cost ?? (await preflight(anyway)).cost;
  const freezing =
    options.trainFrom === undefined
      ? null
      : plannedFreezing(
          model,
          {
            phases: [phasesFor({ data: '', ...trains }, 'pretrained', false)[0]],
            ...trains,
            ...BEFORE,
          },
          cost ? [cost] : [],
          (
            await preflight({
              ...anyway,
              batch: step.batch,
              phases: [{ trainFrom: 'all', trainNorms: true }],
            })
          ).cost,
        );
  const summary: Summary = {
    model: nameOf(network),
    classes: numClasses,
    adapter,
    memory,
    ...layers,
    kept: cost?.savedByStage ?? {},
    freezing,
    step: { ...step, cost, withinLimits, trainFrom, frozenNorms, optimizer: options.optimizer },
  };
  if (options.json) printJson(summary);
  else process.stdout.write(`${describe(summary, options.stages === true)}\n`);
  return step.fits ? 0 : 1;
}

/** A network by its name, or the one that a file of weights is for, with the classes that it says. */
async function networkNamed(name: string): Promise<{ network: Network; classes?: number | undefined }> {
  const found = modelNames().includes(name) ? null : await statOrNull(name);
  if (!found) return { network: name };
  const weights = found.isDirectory() ? await checkpointOfRun(name) : name;
  const { network, known } = await openStart({ weights });
  return { network, classes: known?.card.classes?.length };
}

/** Rehearses a step. Where it does not fit and the batch may be `reduced`, a smaller one is taken and said so. */
async function fittingStep(plan: PreflightOptions, reduced: boolean): Promise<Preflight> {
  const step = await preflight(plan);
  if (step.fits || !step.largestBatch || !reduced) return step;
  const { largestBatch: batch, problem } = step;
  say(`Steps of ${counted(plan.batch, 'picture')} do not fit (${problem}), so --batch ${batch} is taken.`);
  return preflight({ ...plan, batch });
}

/** The adapter's limits and the memory to plan with; WebGPU's default limits where no adapter answers. */
async function surroundings({ adapter, untuned, memory: gibibytes }: SummaryOptions): Promise<{
  like: DeviceLike;
  adapter: string | null;
  memory: MemoryBudget;
  budget: number;
}> {
  try {
    const device = await openCommandDevice({ adapter, untuned });
    const { limits, features, info, traits, choices } = device;
    const planned = await plannedMemory(device, gibibytes);
    device.close();
    const described = adapterName(info);
    return { like: { limits, features, info, traits, choices }, adapter: described, ...planned };
  } catch (error) {
    if (!(error instanceof NoAdapterError) || adapter !== undefined) throw error;
    say('No adapter answers here: the limits are those that WebGPU guarantees everywhere.');
    return { like: PLAIN_DEVICE, adapter: null, ...(await plannedMemory({ software: false }, gibibytes)) };
  }
}

/** What makes the optimiser of that name; undefined stands for AdamW, the preflight's own. */
function optimizerNamed(name: string): ((model: Model) => SGD) | undefined {
  if (name === 'adamw') return undefined;
  if (name !== 'sgd') throw new UserError(`--optimizer ${name}: the optimisers are adamw and sgd`);
  return (model) =>
    new SGD(
      [...model.namedParameters()].flatMap(([, parameter]) => (parameter.requiresGrad ? [parameter] : [])),
      { lr: 0, momentum: 0.9 },
    );
}

// --- text -----------------------------------------------------------------------------------------------------

const COLUMNS = ['', '', 'output', 'parameters', 'multiply-adds', 'output bytes', 'kept', ''];

function describe(summary: Summary, stagesOnly: boolean): string {
  const { model, size, classes, stages, parameters, multiplyAdds, step } = summary;
  const rows: string[][] = [COLUMNS];
  for (const stage of stages) {
    rows.push(row(stage.name, '', stage, step.batch, summary.kept[stage.name]));
    if (stagesOnly || only(stage)) continue;
    for (const layer of stage.layers) rows.push(row(`  ${layer.name}`, layer.kind, layer, step.batch));
  }
  return [
    bold(
      `${model} for pictures of ${saidSize(size)} and ${classes} classes: ${formatCount(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds a picture`,
      process.stdout,
    ),
    '',
    table(rows, { left: (column) => column < 2 || column === COLUMNS.length - 1 }),
    '',
    `Bytes are those of ${counted(step.batch, 'picture')}; kept: what the backward pass of a stage needs.`,
    '',
    ...(summary.freezing ? [...freezingTable(summary.freezing), ''] : []),
    describeStep(summary),
  ].join('\n');
}

/** Whether the stage is one layer of the same name. */
const only = ({ name, layers }: StageSummary): boolean => layers.length === 1 && layers[0]!.name === name;

function row(
  name: string,
  kind: string,
  entry: Omit<LayerSummary, 'kind'>,
  batch: number,
  kept?: number,
): string[] {
  return [
    name,
    kind,
    entry.output.join('×'),
    formatCount(entry.parameters),
    entry.multiplyAdds > 0 ? formatCount(entry.multiplyAdds) : '',
    formatBytes(batch * entry.activationBytes),
    kept ? formatBytes(kept) : '',
    entry.frozen ? 'frozen' : '',
  ];
}

function describeStep({ step, memory, adapter, trainableParameters }: Summary): string {
  const { batch, trainFrom, frozenNorms, optimizer, cost, withinLimits, fits, problem } = step;
  const trains =
    trainFrom === 'all'
      ? 'everything trains'
      : `trained from ${trainFrom === 'head' ? 'the head' : trainFrom}`;
  const lines = [
    `A training step of ${counted(batch, 'picture')}, ${trains}${frozenNorms ? ', norms frozen' : ''} (${formatCount(trainableParameters)} parameters), ${optimizer}${withinLimits ? '' : ", without the adapter's limits"}:`,
  ];
  if (cost)
    lines.push(
      formatRows([
        ['work', `${formatCount(cost.flops)}FLOP in ${cost.dispatches} dispatches`],
        ['parameters', formatBytes(cost.parameterBytes)],
        ['gradients', formatBytes(cost.gradientBytes)],
        ['optimiser state', formatBytes(cost.optimizerBytes)],
        ['activations kept', `${formatBytes(cost.savedBytes)} for the backward pass`],
        ['at most in use', formatBytes(cost.peakBytes)],
        ['taken in all', `${formatBytes(cost.totalBytes)} with the buffers that are kept for the next step`],
      ]),
    );
  const where = adapter ?? 'a device with default limits';
  const source = SOURCES[memory.from];
  if (fits) lines.push(`It fits ${where}, with ${formatBytes(step.budget)} to use (${source}).`);
  else if (!cost) lines.push(`It cannot be taken: ${problem}.`);
  else
    lines.push(
      `It does not fit ${where}: ${problem}${withinLimits ? ` (${source})` : ''}; ${remedyFor(step)}.`,
    );
  return lines.join('\n');
}

/** Where the bytes to use come from. */
const SOURCES: Record<MemoryBudget['from'], string> = {
  asked: '--memory',
  'control group': "of this control group's memory",
  machine: "of this machine's memory",
  default: 'assumed of a GPU that does not say; --memory',
};
