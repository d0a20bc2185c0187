/** What a search leaves in its folder: the trained networks as checkpoints, search.json, the page. */
import type { Device } from '../../gpu/index.ts';
import type { Model } from '../../nn/index.ts';
import { writeWhole } from '../../node/files.ts';
import { environmentRows } from '../../report/environment.ts';
import { searchReportHtml } from '../../report/search/page.ts';
import { WEIGHT_DECAY } from '../../search/learner.ts';
import { methodNamed } from '../../search/methods/table.ts';
import type { SearchOutcome } from '../../search/options.ts';
import { AUGMENTATION, preprocessingOf } from '../../search/pictures.ts';
import type { FinalRole, SearchResult } from '../../search/result.ts';
import { NonFiniteStateError, saveCheckpoint } from '../../train/node/checkpoint.ts';
import { BEST, FOUND, PAGE } from '../../train/node/run-folder.ts';
import type { TrainedOn } from '../../train/node/trained-on.ts';
import { BEFORE, epochsOf, type TrainSettings } from '../../train/settings.ts';
import { commandLine } from '../command-line.ts';
import { fingerprint } from '../data-source.ts';
import { adapterName, say } from '../ui.ts';
import type { Setup } from './setup.ts';

/** Those of which a checkpoint is kept, as NAME.safetensors. */
const ROLES: readonly FinalRole[] = ['winner', 'hand-made', 'random'];

/**
 * Writes what there is. Of a finished search the checkpoints come first, and search.json says that they are there: where a kill
 * comes between, a search that goes on writes them again.
 */
export async function writeFound(
  device: Device,
  setup: Setup,
  outcome: SearchOutcome,
  trainedOn: TrainedOn,
): Promise<void> {
  const { folder, store } = setup;
  const { result, finished } = outcome;
  if (finished) {
    for (const role of ROLES) await writeFinal(setup, `${role}.safetensors`, outcome, role, trainedOn);
    await writeFinal(setup, BEST, outcome, result.returned.role, trainedOn);
  }
  await writeWhole(await folder.place(FOUND), `${JSON.stringify(result, null, 2)}\n`);
  if (finished) {
    await outcome.dispose();
    await store.dropStates();
  }
  await writePage(device, setup, result);
}

/** The page of a result. */
export async function writePage(
  device: Pick<Device, 'info' | 'software'>,
  { folder, settings, command }: Pick<Setup, 'folder' | 'settings' | 'command'>,
  result: SearchResult,
): Promise<void> {
  const adapter = { description: adapterName(device.info), software: device.software };
  const page = await searchReportHtml(result, {
    commands: [
      [command, 'The same search again:'],
      [commandLine('evaluate', ['--checkpoint', folder.path]), 'What was returned, measured in full:'],
    ],
    environment: environmentRows(adapter),
    ...(!settings.scaling && { method: methodNamed(settings.method).summary }),
  });
  await writeWhole(await folder.place(PAGE), page);
}

async function writeFinal(
  setup: Setup,
  file: string,
  { model: modelOf, result }: SearchOutcome,
  role: FinalRole,
  trainedOn: TrainedOn,
): Promise<void> {
  const model = modelOf(role);
  const final = result.finals.find((one) => one.role === role);
  if (model && final) await writeNetwork(setup, file, model, final.steps, trainedOn);
}

/** What `--grid` and `--scale` leave: the best scaled network where there is one, search.json, the page. */
export async function writeScaled(
  device: Device,
  setup: Setup,
  result: SearchResult,
  model: Model | null,
  trainedOn: TrainedOn,
): Promise<void> {
  if (model) await writeNetwork(setup, BEST, model, result.grid!.steps, trainedOn);
  await writeWhole(await setup.folder.place(FOUND), `${JSON.stringify(result, null, 2)}\n`);
  await writePage(device, setup, result);
}

async function writeNetwork(
  setup: Setup,
  file: string,
  model: Model,
  steps: number,
  trainedOn: TrainedOn,
): Promise<void> {
  const { settings, folder, set } = setup;
  const training = trainingOf(setup, model, steps);
  try {
    await saveCheckpoint(await folder.place(file), model, {
      model: training.model,
      classes: set.classes,
      preprocessing: preprocessingOf(model),
      epoch: epochsOf(training),
      step: steps,
      seed: settings.seed,
      metrics: null,
      settings: training,
      pictures: fingerprint(set, settings.data),
      trainedOn,
    });
  } catch (error) {
    if (!(error instanceof NonFiniteStateError)) throw error;
    say(`There is no ${file}: ${error.message}.`);
  }
}

/** How a final was trained, in the words of `train`: everything from random weights, under a whole cosine. */
function trainingOf({ settings, set, teacher }: Setup, model: Model, steps: number): TrainSettings {
  const { data, groupBy, batch, lr, seed } = settings;
  const epochs = Math.max(1, Math.round((steps * batch) / set.train.length));
  return {
    ...BEFORE,
    data,
    groupBy,
    model: model.spec!.name,
    weights: null,
    phases: [{ trainFrom: 'all', epochs, lr, backboneFactor: 1 }],
    trainNorms: true,
    batch,
    weightDecay: WEIGHT_DECAY,
    decayNorms: false,
    labelSmoothing: 0,
    warmup: 0.1,
    size: model.inputSize,
    augmentation: AUGMENTATION,
    teacher: teacher && { name: teacher.name, hash: teacher.hash },
    seed,
  };
}
