/** What is exported: a checkpoint of `train`, a file of weights, or a network of the catalog by its name. */
import { basename, extname } from 'node:path';
import type { Preprocessing } from '../../data/transforms.ts';
import { modelNames } from '../../models/table.ts';
import { statOrNull } from '../../node/files.ts';
import { didYouMean } from '../../text/suggest.ts';
import { type Decision, decisionSentence } from '../../train/evaluation/threshold.ts';
import { DEFAULT_THRESHOLD } from '../../train/labels/answers.ts';
import { decisionsFor, decisionsSentence, thresholdsOf } from '../../train/labels/thresholds.ts';
import { networkIn, readCheckpoint } from '../../train/node/checkpoint.ts';
import { CATALOG } from '../../weights/catalog/catalog.ts';
import type { PlannedModel } from '../../weights/create-model.ts';
import { openStart, plannedModel } from '../../weights/node/create-model.ts';
import { filesOfWeights, weightsInFolder } from '../../weights/node/weights-files.ts';
import { describeWeights, preparedFor } from '../../weights/start.ts';
import { classNames } from '../classifier.ts';
import { commandLine } from '../command-line.ts';
import type { SizeOptions } from '../size-options.ts';
import { say, UserError } from '../ui.ts';
import { checkCheckpoint } from './rules.ts';

/** A network that is to be written elsewhere, its values beside it. */
export interface Exported extends PlannedModel {
  /** What files of it are called where nobody says. */
  stem: string;
  /** What it was read from. */
  files: readonly string[];
  classes: readonly string[];
  preprocessing: Preprocessing;
  /** From which probability a class is called, where the checkpoint says so. */
  decision?: Decision;
  /** Where several labels may hold of a picture: from which probability each is called. */
  thresholds?: readonly number[];
}

/** The fields of a checkpoint's metadata that tell it from other weights. */
const CHECKPOINT_KEY = 'tessera';

/**
 * Opens what `name` means: a path that is there, else a network or weights of the catalog.
 * @throws Error, a sentence, where there is neither, or it cannot answer
 */
export async function openExported(name: string, given: { model?: string } & SizeOptions): Promise<Exported> {
  const found = await statOrNull(name);
  if (found?.isDirectory() && !(await weightsInFolder(name)))
    return fromCheckpoint(name, basename(name), given);
  const stem = found ? basename(name, extname(name)) : name;
  if (!found && !isListed(name)) throw new UserError(`there is no ${name}: ${unknown(name)}`);
  const weights = modelNames().includes(name) && !found ? 'pretrained' : name;
  const start = await openStart({ ...given, ...(weights === 'pretrained' && { model: name }), weights });
  const { network, preprocessing, assumed } = start;
  const known = start.known!;
  const files = await filesOfWeights(weights, network);
  if (known.file.metadata[CHECKPOINT_KEY] !== undefined && known.file.metadata['tessera.model'] !== undefined)
    return fromCheckpoint(files[0]!, stem, given);
  const planned = await plannedModel(network, { weights: known, use: 'answer' });
  say(`${start.model} with ${describeWeights(start)}`);
  if (assumed) say(assumed);
  const classes = classNames(planned.shapes.numClasses, known.card.classes);
  const several = known.card.task === 'labels';
  return {
    ...{ ...planned, stem, files, classes, preprocessing: preparedFor(preprocessing, given) },
    ...(several && { thresholds: classes.map(() => DEFAULT_THRESHOLD) }),
  };
}

async function fromCheckpoint(
  path: string,
  stem: string,
  { model, ...sized }: { model?: string } & SizeOptions,
): Promise<Exported> {
  checkCheckpoint(path, { model });
  const checkpoint = await readCheckpoint(path);
  const { task, classes, preprocessing, epoch, decision, decisions = [], model: name } = checkpoint.info;
  const several = task === 'labels' ? decisionsFor(decisions, classes) : null;
  const network = networkIn(checkpoint);
  const numClasses = classes.length;
  const planned = await plannedModel(network, { weights: checkpoint.weights, use: 'answer', numClasses });
  say(`${checkpoint.path}: ${name}, epoch ${epoch}, ${classes.length} ${several ? 'labels' : 'classes'}`);
  if (several)
    say(
      `${decisionsSentence(several)} An exported file answers with a logit for each label, whose sigmoid is its probability; its metadata has the thresholds.`,
    );
  if (decision)
    say(
      `${decisionSentence(decision)} An exported file answers with every class's share; its metadata has the threshold.`,
    );
  return {
    ...planned,
    stem,
    files: [checkpoint.path],
    classes,
    preprocessing: preparedFor(preprocessing, sized),
    ...(decision && { decision }),
    ...(several && { thresholds: thresholdsOf(several) }),
  };
}

const isListed = (name: string): boolean =>
  modelNames().includes(name) || CATALOG.some((entry) => entry.name === name);

function unknown(name: string): string {
  const near = didYouMean(name, [...modelNames(), ...CATALOG.map((entry) => entry.name)]);
  const list = commandLine('weights', ['list']);
  return `name the folder of a run, a checkpoint, a file of weights, or a network; ${near ?? `${list} shows those that the catalog has`}`;
}
