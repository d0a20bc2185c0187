/** `explain` without --features: where the network found what speaks for a class, drawn over the pictures. */
import { basename } from 'node:path';
import type { Batch } from '../../data/loader.ts';
import { readImage } from '../../data/node/decode.ts';
import { ownPart } from '../../data/placing.ts';
import { ownView } from '../../data/transforms.ts';
import { gradCam } from '../../explain/grad-cam.ts';
import {
  borderShare,
  type Explanation,
  type Heatmap,
  heatmapOf,
  strongestPlace,
  within,
} from '../../explain/heatmap.ts';
import { occlusion } from '../../explain/occlusion.ts';
import { writeWhole } from '../../node/files.ts';
import { type Explained, explainedSheet, SHOWN_SIDE } from '../../report/explained.ts';
import { shown } from '../../text/shown.ts';
import { didYouMean } from '../../text/suggest.ts';
import { imagesOf, NO_NUMBER } from '../../train/infer.ts';
import { largest, percent } from '../../train/metrics.ts';
import { fittingBatch } from '../train/preflight.ts';
import { UserError } from '../ui.ts';
import { batchesOf, type Pass } from './pass.ts';

/** Classes beside each picture. */
const ANSWERS = 5;

/** What is said of a picture: an entry of `--json`. */
export interface ExplainedPicture {
  file: string;
  /** The class of the map, and its probability. */
  class: string;
  index: number;
  probability: number;
  topK: { index: number; label: string; probability: number }[];
  /** The size of the map over the picture, without a border around it, and its strongest cell, counted from 0. */
  map: { height: number; width: number };
  strongest: { row: number; column: number };
  /** The largest value of the map before it was divided by it; 0: nothing in the picture speaks for the class. */
  strength: number;
  /** Share of the map in the outer half of the area (`borderShare`); null for a map that is 0 everywhere. */
  borderShare: number | null;
  written: string;
}

/** Explains all pictures and writes the sheets. */
export async function drawMaps(pass: Pass): Promise<ExplainedPicture[]> {
  const { classifier, failures, place, options, stop } = pass;
  const { classes, preprocessing } = classifier;
  const index = options.class === undefined ? null : classIndex(options.class, classes);
  const found: ExplainedPicture[] = [];
  const rows: Explained[] = [];
  for await (const batch of batchesOf(pass, pass.files.length)) {
    const explanation = await explanationOf(pass, batch, index);
    if (!explanation) break;
    for (const [picture, { file }] of batch.samples.entries()) {
      const image = await readImage(file);
      // A border is nothing of the picture's.
      const part = ownPart(image, preprocessing);
      const map = within(heatmapOf(explanation, picture), part, preprocessing.inputSize);
      const said = saidOf(file, explanation, picture, map, classes);
      if (Number.isNaN(said.probability)) {
        failures.push(`${file}: ${NO_NUMBER}`);
        continue;
      }
      said.written = place.of(file);
      const row: Explained = {
        title: basename(file),
        subtitle: `${titleOf(pass)} for ${said.class}`,
        picture: ownView(image, preprocessing, SHOWN_SIDE),
        map,
        answers: said.topK.map((answer) => ({ ...answer, explained: answer.index === said.index })),
      };
      if (place.sheet) rows.push(row);
      else await writeWhole(said.written, await explainedSheet([row], said.written));
      found.push(said);
    }
    if (stop.requested) break;
  }
  if (place.sheet && rows.length > 0) await writeWhole(place.sheet, await explainedSheet(rows, place.sheet));
  return found;
}

const titleOf = ({ options, classifier }: Pass): string =>
  options.method === 'occlusion'
    ? 'Occlusion'
    : `Grad-CAM of ${options.stage ?? classifier.model.featureStage}`;

/** The maps of a batch; null where it was stopped. */
async function explanationOf(pass: Pass, batch: Batch, index: number | null): Promise<Explanation | null> {
  const { classifier, device, options, bar, stop } = pass;
  const { model, preprocessing, thresholds } = classifier;
  const task = thresholds ? 'labels' : 'classes';
  const classes = index === null ? undefined : new Int32Array(batch.size).fill(index);
  const images = imagesOf(batch, device);
  try {
    if (options.method === 'grad-cam')
      return await gradCam(model, images, { classes, stage: options.stage, task });
    const batchSize = await fittingBatch(device, model, preprocessing.inputSize, options.batch);
    const onBatch = (done: number, total: number): boolean => {
      bar.update(pass.done, `${done} of ${total} answers`, null);
      return !stop.requested;
    };
    return await occlusion(model, images, { classes, batchSize, task, onBatch });
  } finally {
    images.dispose();
  }
}

/** The class that was asked for. @throws UserError where there is none */
function classIndex(asked: string, classes: readonly string[]): number {
  const named = classes.indexOf(asked);
  if (named >= 0) return named;
  if (/^\d+$/.test(asked) && Number(asked) < classes.length) return Number(asked);
  const few = classes.length <= 20 ? `the classes are ${classes.join(', ')}` : `there are ${classes.length}`;
  throw new UserError(`there is no class '${asked}'; ${didYouMean(asked, classes) ?? few}`);
}

function saidOf(
  file: string,
  explanation: Explanation,
  picture: number,
  map: Heatmap,
  labels: readonly string[],
): ExplainedPicture {
  const { strengths, classes, probabilities } = explanation;
  const row = probabilities.subarray(picture * labels.length, (picture + 1) * labels.length);
  const index = classes[picture];
  const answer = (at: number) => ({ index: at, label: labels[at], probability: row[at] });
  const likely = largest(row, ANSWERS);
  const share = borderShare(map);
  return {
    file,
    ...{ class: labels[index], index, probability: row[index] },
    topK: (likely.includes(index) ? likely : [...likely.slice(0, -1), index]).map(answer),
    map: { height: map.height, width: map.width },
    strongest: strongestPlace(map),
    strength: strengths[picture],
    borderShare: Number.isNaN(share) ? null : share,
    written: '',
  };
}

/** A block for the terminal. */
export function explained({
  file,
  class: name,
  probability,
  map,
  strongest,
  borderShare: share,
}: ExplainedPicture): string {
  const where =
    share === null
      ? 'nothing in the picture speaks for it'
      : `strongest ${placeOf(strongest, map)}, ${percent(share)} of the map in the outer half of the area`;
  return `${shown(file)}\n  ${shown(name)}  ${percent(probability)}  ${where}\n`;
}

/** `in the upper left`: a cell of a map in thirds of the picture. */
function placeOf(
  { row, column }: { row: number; column: number },
  map: { height: number; width: number },
): string {
  const third = (cell: number, cells: number): number => Math.min(2, Math.floor(((cell + 0.5) * 3) / cells));
  const words = [
    ['upper', '', 'lower'][third(row, map.height)],
    ['left', '', 'right'][third(column, map.width)],
  ].filter(Boolean);
  if (words.length === 0) return 'in the centre';
  return words.length === 2 || words[0] === 'left' || words[0] === 'right'
    ? `on the ${words.join(' ')}`
    : `in the ${words[0]} middle`;
}
