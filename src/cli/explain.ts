/** `npm run explain`: where in pictures a network found what speaks for a class, drawn over them. */
import { type Command, Option } from 'commander';
import { closeLoader } from '../data/node/loader.ts';
import { hasFonts } from '../report/sheet.ts';
import { shown, shownJson } from '../text/shown.ts';
import { chooseClassifier, classifierOptions } from './classifier.ts';
import { wholeNumber } from './command-line.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { drawInsides, opened } from './explain/insides.ts';
import { drawMaps, explained } from './explain/maps.ts';
import type { ExplainOptions, Pass } from './explain/pass.ts';
import { destination, MOST_ROWS } from './explain/place.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { picturesOf } from './picture-args.ts';
import { announceSoftware, onStop, progressBar, say, UserError } from './ui.ts';

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
    .option(...UNTUNED)
    .option('--json', 'print one JSON document on stdout');
}

export async function run(args: string[], options: ExplainOptions): Promise<number> {
  checkOptions(options);
  const { files, failures } = await picturesOf(args);
  const chosen = await chooseClassifier(options);
  const place = await destination(files, options);
  const reads = [...inputs('one of the pictures', files), ...inputs('the network', chosen.files)];
  await refuseOverInputs(files.map(place.of), reads);
  const device = await openCommandDevice(options);
  announceSoftware(device);
  const stop = onStop('Stopping.');
  try {
    // Occlusion asks for many hidden pictures of each.
    const atATime = options.method === 'occlusion' ? options.batch : Math.min(files.length, options.batch);
    const classifier = await chosen.on(device, atATime);
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
