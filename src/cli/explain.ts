/** `npm run explain`: where in pictures a network found what speaks for a class, drawn over them. */
import { basename, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Batch } from '../data/loader.ts';
import { readImage } from '../data/node/decode.ts';
import { closeLoader, fromSamples } from '../data/node/loader.ts';
import { networkView } from '../data/transforms.ts';
import { featureMaps, firstFilters } from '../explain/features.ts';
import { gradCam } from '../explain/grad-cam.ts';
import { borderShare, type Explanation, heatmapOf, strongestPlace } from '../explain/heatmap.ts';
import { occlusion } from '../explain/occlusion.ts';
import type { Device } from '../gpu/index.ts';
import { statOrNull, writeWhole } from '../node/files.ts';
import { openDevice } from '../node/open-device.ts';
import { type Explained, explainedSheet, insideSheet, SHOWN_SIDE } from '../report/explained.ts';
import { hasFonts } from '../report/sheet.ts';
import { shown, shownJson } from '../text/shown.ts';
import { didYouMean } from '../text/suggest.ts';
import { imagesOf, NO_NUMBER } from '../train/infer.ts';
import { largest, percent } from '../train/metrics.ts';
import {
  type Classifier,
  type ClassifierOptions,
  chooseClassifier,
  classifierOptions,
} from './classifier.ts';
import { wholeNumber } from './command-line.ts';
import { picturesOf } from './picture-args.ts';
import { fittingBatch } from './train/preflight.ts';
import {
  announceSoftware,
  onStop,
  type ProgressBar,
  progressBar,
  type StopRequest,
  say,
  UserError,
} from './ui.ts';

/** A sheet with more pictures is too long to look at. */
const MOST_ROWS = 50;
/** Classes beside each picture. */
const ANSWERS = 5;

export const description =
  'Draws where in pictures a network looked, beside its likeliest answers: with a checkpoint of `train` (the newest under ' +
  'runs/ by default) or with --weights, as `predict`. grad-cam looks into the network; occlusion hides one part of ' +
  'the picture after the other and asks again, which takes 64 answers a picture.';

export function options(command: Command): void {
  classifierOptions(command.argument('<image...>', 'pictures, and folders of pictures'))
    .addOption(new Option('--method <name>', 'how').choices(['grad-cam', 'occlusion']).default('grad-cam'))
    .option('--class <name>', 'the class to look for, by name or number (default: the likeliest)')
    .option('--stage <name>', 'whose feature map grad-cam reads (default: the last; earlier ones are finer)')
    .option('--features', 'draw the filters of the first layer and the feature maps of each stage instead')
    .option(
      '--out <path>',
      'one sheet for all pictures where it ends in .png or .jpg, else a folder with a file for each (default: explain.png, ' +
        `for more than ${MOST_ROWS} pictures explain/; with --features features.png or features/)`,
    )
    .option('--batch <n>', 'pictures at a time', wholeNumber(1), 16)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

interface ExplainOptions extends ClassifierOptions {
  method: 'grad-cam' | 'occlusion';
  class?: string;
  stage?: string;
  features?: boolean;
  out?: string;
  batch: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

/** What is said of a picture: an entry of `--json`. */
export interface ExplainedPicture {
  file: string;
  /** The class of the map, and its probability. */
  class: string;
  index: number;
  probability: number;
  topK: { index: number; label: string; probability: number }[];
  /** The size of the map, and its strongest cell, counted from 0. */
  map: { height: number; width: number };
  strongest: { row: number; column: number };
  /** The largest value of the map before it was divided by it; 0: nothing in the picture speaks for the class. */
  strength: number;
  /** Share of the map in the outer half of the area (`borderShare`); null for a map that is 0 everywhere. */
  borderShare: number | null;
  written: string;
}

/** What is said of a picture with `--features`. */
interface OpenedPicture {
  file: string;
  filters: { name: string; count: number };
  stages: { stage: string; channels: number; height: number; width: number; shown: number[] }[];
  written: string;
}

/** Where sheets go: `sheet` is one for all pictures, else each has its own. */
interface Destination {
  sheet: string | null;
  of(file: string): string;
}

/** One run over pictures. */
interface Pass {
  classifier: Classifier;
  device: Device;
  files: readonly string[];
  failures: string[];
  place: Destination;
  options: ExplainOptions;
  bar: ProgressBar;
  stop: StopRequest;
  /** Pictures so far. */
  done: number;
}

export async function run(args: string[], options: ExplainOptions): Promise<number> {
  checkOptions(options);
  const { files, failures } = await picturesOf(args);
  const place = await destination(files, options);
  const open = await chooseClassifier(options);
  const device = await openDevice({ adapter: options.adapter, debug: options.debug });
  announceSoftware(device);
  const stop = onStop('Stopping.');
  try {
    const classifier = await open(device);
    if (!(await hasFonts()))
      say(
        'This system has no fonts, so that words are drawn as empty boxes; on Debian: apt install fonts-dejavu-core',
      );
    const bar = progressBar('Explaining', files.length);
    const pass: Pass = { classifier, device, files, failures, place, options, bar, stop, done: 0 };
    const text = options.features
      ? printed(await drawInsides(pass), opened, options)
      : printed(await drawMaps(pass), explained, options);
    bar.stop();
    process.stdout.write(text);
    if (stop.requested) return stop.exitCode;
    device.close();
  } finally {
    await closeLoader();
    stop.dispose();
  }
  for (const failure of failures) say(`error: ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

/** @throws UserError for options of which one leaves nothing for the other to say */
function checkOptions({ method, stage, features, class: name }: ExplainOptions): void {
  if (method === 'occlusion' && stage !== undefined)
    throw new UserError('--stage is whose feature map grad-cam reads; occlusion reads none, so leave it out');
  if (features && (method === 'occlusion' || name !== undefined))
    throw new UserError('--features shows what is inside for any class; leave out --class and --method');
}

/**
 * Where the sheets of these pictures go.
 * @throws UserError for one file where there must be several, and where a picture itself would be written over
 */
async function destination(
  files: readonly string[],
  { out, features }: ExplainOptions,
): Promise<Destination> {
  const [usual, most] = features ? ['features', 1] : ['explain', MOST_ROWS];
  const path = out ?? (files.length > most ? usual : `${usual}.png`);
  const isFolder = (await statOrNull(path))?.isDirectory() ?? false;
  const sheet = !isFolder && /\.(png|jpe?g)$/i.test(path) ? path : null;
  if (sheet && files.length > most)
    throw new UserError(
      `${path} would hold ${files.length} pictures, at most ${most} are drawn on a sheet; give --out a folder`,
    );
  const taken = new Set<string>();
  const nameFor = (file: string): string => {
    const stem = basename(file, extname(file));
    let name = `${stem}.${usual}.png`;
    for (let count = 2; taken.has(name); count++) name = `${stem}-${count}.${usual}.png`;
    taken.add(name);
    return join(path, name);
  };
  const places = new Map(files.map((file) => [file, sheet ?? nameFor(file)]));
  // By what the paths lead to: a link in the folder is followed when it is written.
  const identity = async (path: string): Promise<string | null> => {
    const found = await statOrNull(path);
    return found && `${found.dev}:${found.ino}`;
  };
  const pictures = new Set(await Promise.all(files.map(identity)));
  for (const place of new Set(places.values())) {
    const there = await identity(place);
    if (there !== null && pictures.has(there))
      throw new UserError(
        `${place} is one of the pictures and would be written over; name another place with --out`,
      );
  }
  return { sheet, of: (file) => places.get(file)! };
}

/** The pictures as batches that fit; what cannot be read is a failure. */
async function* batchesOf(pass: Pass, count: number): AsyncGenerator<Batch> {
  const { classifier, device, files, failures, options, bar } = pass;
  const { model, preprocessing } = classifier;
  const source = fromSamples(
    files.map((file) => ({ file, label: 0 })),
    {
      batchSize: await fittingBatch(device, model, preprocessing.inputSize, Math.min(count, options.batch)),
      preprocessing,
      onUnreadable: (error) => failures.push(error.message),
    },
  );
  for await (const batch of source.load(0)) {
    yield batch;
    pass.done += batch.size + batch.skipped;
    bar.update(pass.done, '');
  }
}

/** Explains all pictures and writes the sheets. */
async function drawMaps(pass: Pass): Promise<ExplainedPicture[]> {
  const { classifier, failures, place, options, stop } = pass;
  const { classes, preprocessing } = classifier;
  const index = options.class === undefined ? null : classIndex(options.class, classes);
  const found: ExplainedPicture[] = [];
  const rows: Explained[] = [];
  for await (const batch of batchesOf(pass, pass.files.length)) {
    const explanation = await explanationOf(pass, batch, index);
    if (!explanation) break;
    for (const [picture, { file }] of batch.samples.entries()) {
      const said = saidOf(file, explanation, picture, classes);
      if (Number.isNaN(said.probability)) {
        failures.push(`${file}: ${NO_NUMBER}`);
        continue;
      }
      said.written = place.of(file);
      const row: Explained = {
        title: basename(file),
        subtitle: `${titleOf(pass)} for ${said.class}`,
        picture: networkView(await readImage(file), preprocessing, SHOWN_SIDE),
        map: heatmapOf(explanation, picture),
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
  const { model, preprocessing } = classifier;
  const classes = index === null ? undefined : new Int32Array(batch.size).fill(index);
  const images = imagesOf(batch, device);
  try {
    if (options.method === 'grad-cam') return await gradCam(model, images, { classes, stage: options.stage });
    const batchSize = await fittingBatch(device, model, preprocessing.inputSize, options.batch);
    const onBatch = (done: number, total: number): boolean => {
      bar.update(pass.done, `${done} of ${total} answers`, null);
      return !stop.requested;
    };
    return await occlusion(model, images, { classes, batchSize, onBatch });
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
  labels: readonly string[],
): ExplainedPicture {
  const { height, width, strengths, classes, probabilities } = explanation;
  const row = probabilities.subarray(picture * labels.length, (picture + 1) * labels.length);
  const map = heatmapOf(explanation, picture);
  const index = classes[picture];
  const answer = (at: number) => ({ index: at, label: labels[at], probability: row[at] });
  const likely = largest(row, ANSWERS);
  const share = borderShare(map);
  return {
    file,
    ...{ class: labels[index], index, probability: row[index] },
    topK: (likely.includes(index) ? likely : [...likely.slice(0, -1), index]).map(answer),
    map: { height, width },
    strongest: strongestPlace(map),
    strength: strengths[picture],
    borderShare: Number.isNaN(share) ? null : share,
    written: '',
  };
}

/** Draws what is inside the network, a sheet for each picture. */
async function drawInsides(pass: Pass): Promise<OpenedPicture[]> {
  const { classifier, device, place, options, stop } = pass;
  const { model, preprocessing } = classifier;
  const filters = await firstFilters(model);
  const found: OpenedPicture[] = [];
  for await (const batch of batchesOf(pass, 1)) {
    const [{ file }] = batch.samples;
    const images = imagesOf(batch, device);
    const stages = await featureMaps(model, images, options.stage ? { stages: [options.stage] } : {});
    images.dispose();
    const picture = networkView(await readImage(file), preprocessing, SHOWN_SIDE);
    const written = place.of(file);
    const sheet = await insideSheet({ title: basename(file), picture, filters, stages }, written);
    await writeWhole(written, sheet);
    found.push({
      file,
      filters: { name: filters.name, count: filters.filters.length },
      stages: stages.map(({ maps: _, ranges, shown, ...stage }) => ({ ...stage, shown: [...shown] })),
      written,
    });
    if (stop.requested) break;
  }
  return found;
}

/** What goes to stdout: JSON, or a block for each picture and the files that were written. */
function printed<Found extends { written: string }>(
  found: readonly Found[],
  block: (one: Found) => string,
  { json }: ExplainOptions,
): string {
  if (json) return `${shownJson(found)}\n`;
  const files = [...new Set(found.map(({ written }) => written))];
  return [...found.map(block), ...files.map((file) => `${shown(file)}\n`)].join('');
}

function explained({
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

function opened({ file, filters, stages }: OpenedPicture): string {
  return `${shown(file)}\n  ${filters.count} filters of ${shown(filters.name)}, feature maps of ${stages.map(({ stage }) => stage).join(', ')}\n`;
}
