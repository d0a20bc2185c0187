/**
 * `npm run weights`: the catalog, downloads, conversion and a look into files. Needs no adapter.
 *
 *   list [TEXT]     what there is, and what is here already
 *   fetch NAME      into weights/, resumed and checked
 *   convert FILE    to safetensors with our names
 *   inspect FILE    tensors, shapes, types, hashes, and which network has them
 */
import { basename, dirname, extname, join } from 'node:path';
import { Argument, type Command } from 'commander';
import { type InputSize, sizeText } from '../data/input-size.ts';
import { readBytes, sameFile, statOrNull, writeWhole } from '../node/files.ts';
import { shown } from '../text/shown.ts';
import { CATALOG, entryOfHash, hashDigits } from '../weights/catalog/catalog.ts';
import { describeConfig } from '../weights/config.ts';
import { configBeside } from '../weights/door.ts';
import { showShape } from '../weights/formats/state.ts';
import { convertWeights } from '../weights/node/convert.ts';
import { describeNetwork, type Inspection, inspectFile } from '../weights/node/inspect.ts';
import { NODE_FILES, weightsFileAt, withConfig } from '../weights/node/weights-files.ts';
import { commandLine } from './command-line.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { bold, formatBytes, formatNumber, formatSeconds, printJson, say, table, UserError } from './ui.ts';
import { FOLDER, fetchWeights, fromHere, present } from './weights-fetch.ts';

export const description =
  'ImageNet weights: lists the catalog, fetches a set into weights/, converts .pth and .safetensors files with ' +
  "torchvision's, timm's or lukemelas's names to safetensors with ours, and shows what is in a file.";

const ACTIONS = ['list', 'fetch', 'convert', 'inspect'] as const;
type Action = (typeof ACTIONS)[number];

export function options(command: Command): void {
  command
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
    .argument(
      '[what]',
      "list: a part of a name; fetch: a name; convert, inspect: a file, or a folder of timm's",
    )
    .option('--from <url>', 'fetch: another address of the file, or of a folder with it (ending in /)')
    .option('--model <name>', 'convert: the model that the file is for, where the file does not say')
    .option('--f16', 'convert: round weights to float16, half the size')
    .option(
      '--out <path>',
      'convert: the file to write, replaced if it is there (default: FILE.safetensors, not replaced); fetch: the folder (default: weights/)',
    )
    .option('--overwrite', 'convert: without --out, replace a FILE.safetensors that is there')
    .option('--json', 'print one JSON document on stdout');
}

interface WeightsOptions {
  from?: string;
  model?: string;
  f16?: boolean;
  out?: string;
  overwrite?: boolean;
  json?: boolean;
}

export async function run([action, what]: string[], given: WeightsOptions): Promise<number> {
  if (action === 'list') return list(what ?? '', given);
  if (what === undefined)
    throw new UserError(
      action === 'fetch'
        ? `weights fetch wants a name; list shows them (${commandLine('weights', ['list'])})`
        : `weights ${action} wants a file: ${commandLine('weights', [action!, 'FILE'])}`,
    );
  const actions: Record<Exclude<Action, 'list'>, () => Promise<number>> = {
    fetch: () => fetchWeights(what, { ...given, folder: given.out ?? FOLDER }),
    convert: () => convert(what, given),
    inspect: () => inspect(what, given),
  };
  return actions[action as keyof typeof actions]();
}

function list(text: string, { out = FOLDER, json }: WeightsOptions): number {
  const entries = CATALOG.filter(({ name }) => name.includes(text.toLowerCase()));
  if (entries.length === 0)
    throw new UserError(`no weights have '${text}' in their name; leave it out to see all`);
  if (json) {
    printJson(entries.map((entry) => ({ ...entry, file: present(entry, out) })));
    return 0;
  }
  const heading = ['name', 'top-1 %', 'input', 'parameters', 'size', 'licence', '', ''];
  const rows = entries.map((entry) => [
    entry.name,
    entry.top1.toFixed(1),
    sidesText(entry.preprocessing.inputSize),
    `${formatNumber(entry.parameters / 1e6)} M`,
    entry.megabytes === null ? '' : `${formatNumber(entry.megabytes)} MB`,
    entry.licence,
    entry.shipped ? 'ships' : present(entry, out) ? 'here' : '',
    hashDigits(entry) === 64 ? '' : `${hashDigits(entry) || 'no'} digits`,
  ]);
  process.stdout.write(`${listing(heading, rows)}\n`);
  say(`${entries.length} sets of weights. Accuracies and sizes are those that their publishers state.`);
  const marked = entries.filter((entry) => hashDigits(entry) < 64).length;
  if (marked > 0)
    say(
      `Of those marked "8 digits" (${marked}) the catalog has the start of the SHA-256 only, of all others the whole: a fetched file is held against it.`,
    );
  return 0;
}

/** All columns to the left, the heading in bold. */
function listing(heading: string[], rows: string[][]): string {
  const [title, ...lines] = table([heading, ...rows], { left: () => true }).split('\n');
  return [bold(title, process.stdout), ...lines].join('\n');
}

async function convert(what: string, options: WeightsOptions): Promise<number> {
  const { model, f16, json } = options;
  const path = await weightsFileAt(what);
  const target = await convertTarget(path, options);
  const bytes = await readBytes(path);
  const started = performance.now();
  const config = await configBeside(path, NODE_FILES);
  const converted = await convertWeights(bytes, basename(path), { model, half: f16, config });
  const seconds = (performance.now() - started) / 1000;
  await writeWhole(target, converted.bytes);
  const { card, tensors, notes } = converted;
  for (const note of notes) say(note);
  if (json)
    printJson({ file: target, bytes: converted.bytes.length, seconds, tensors, ...summary(card), notes });
  else
    process.stdout.write(
      `${fromHere(target)}: ${card.model?.name}, ${tensors} tensors, ${formatBytes(converted.bytes.length)}, in ${formatSeconds(seconds)}\n`,
    );
  return 0;
}

/**
 * The file to write. As with a compiler's -o, a name that was given may be replaced; one that nobody typed may be
 * somebody's file, and is replaced with --overwrite only. The file that is read is never written.
 */
async function convertTarget(path: string, { out, overwrite }: WeightsOptions): Promise<string> {
  const target = out ?? join(dirname(path), `${basename(path, extname(path))}.safetensors`);
  if (out === undefined && (await sameFile(target, path)))
    throw new UserError(`${path} is safetensors already; name the file to write with --out`);
  const [itself, ...beside] = await withConfig(path);
  const reads = [
    ...inputs('the file to convert itself', [itself!]),
    ...inputs('what says how to read the file to convert', beside),
  ];
  await refuseOverInputs([target], reads, 'name another one with --out');
  if (out === undefined && !overwrite && (await statOrNull(target)))
    throw new UserError(`${target} is there already; --overwrite replaces it, --out names another file`);
  return target;
}

/** A card for JSON, without a thousand class names. */
function summary({ classes, ...card }: Awaited<ReturnType<typeof convertWeights>>['card']) {
  return { ...card, classes: classes?.length ?? null };
}

async function inspect(what: string, { json }: WeightsOptions): Promise<number> {
  const path = await weightsFileAt(what);
  const inspection = await inspectFile(path);
  const network = await describeNetwork(inspection);
  const config = await configBeside(path, NODE_FILES);
  const found = [...(network ? [network] : []), ...(config ? [describeConfig(config)] : [])];
  if (json) printJson({ file: path, ...inspection, notes: [...inspection.notes, ...found] });
  else print(path, inspection);
  if (!json) for (const sentence of found) say(sentence);
  return 0;
}

function print(path: string, { format, bytes, sha256, metadata, notes, tensors }: Inspection): void {
  const numbers = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const rows = tensors.map(({ name, dtype, shape, bytes: size, sha256: hash }) => [
    name,
    dtype,
    showShape(shape),
    String(size),
    hash?.slice(0, 16) ?? '',
  ]);
  const said = Object.entries(metadata).map(
    ([key, value]) => `  ${shown(key)}: ${shown(value.slice(0, 200))}`,
  );
  const lines = [
    listing(['tensor', 'type', 'shape', 'bytes', 'SHA-256'], rows),
    `${fromHere(path)}: ${format}, ${formatBytes(bytes)}, ${tensors.length} tensors, ${formatNumber(numbers)} numbers`,
    `SHA-256 ${sha256}`,
    ...said,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  const known = sha256 === null ? null : entryOfHash(sha256);
  if (known?.whole) say(`The catalog knows this file: ${known.entry.name}.`);
  else if (known)
    say(
      `The first 8 digits of its SHA-256 are those of ${known.entry.name}; the catalog has no more of them, so it may be another file.`,
    );
  for (const note of notes) say(note);
}

const sidesText = (size: InputSize): string => (typeof size === 'number' ? `${size}²` : sizeText(size));
