/** `npm run export`: writes a network for other programs, as ONNX, .pth or safetensors. Needs no adapter. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { InputSize } from '../data/input-size.ts';
import type { Fit } from '../data/placing.ts';
import { LIBRARIES } from '../export/libraries.ts';
import { DEFAULT_OPSET, OPSET_RANGE } from '../export/onnx/export.ts';
import { statOrNull, writeWhole } from '../node/files.ts';
import { shellWord } from '../text/shell.ts';
import { oneOf, wholeNumber } from './command-line.ts';
import { checkFormat, TARGETS, type Target, type TargetOptions } from './export/rules.ts';
import { type Exported, openExported } from './export/source.ts';
import { written } from './export/targets.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { fitOption, sizeOption } from './size-options.ts';
import { formatBytes, formatSeconds, printJson, say, UserError } from './ui.ts';
import { fromHere } from './weights-fetch.ts';

export const description =
  'Writes a trained network for other programs: ONNX for onnxruntime and what reads it, .pth and safetensors for PyTorch ' +
  'under the names of torchvision or timm. Beside the file lies a program of a few lines that runs it on a photo.';

export function options(command: Command): void {
  command
    .argument('<network>', 'the folder of a run, a checkpoint, a file of weights, or a name of the catalog')
    .requiredOption('--to <format>', `what to write: ${TARGETS.join(', ')}`, oneOf(TARGETS))
    .option(
      '--out <file>',
      'the file to write, replaced if it is there (default: NETWORK.FORMAT, not replaced)',
    )
    .option('--overwrite', 'without --out, replace a file that is there')
    .option(
      '--opset <n>',
      `onnx: version of its operators, ${OPSET_RANGE.join(' to ')} (default: ${DEFAULT_OPSET})`,
      wholeNumber(1),
    )
    .option('--softmax', 'onnx: the result is probabilities instead of logits')
    .option(
      '--with-preprocessing',
      'onnx: the input is pictures of 8 bits, [N, H, W, 3], which the graph normalises itself',
    )
    .addOption(sizeOption("side of the network's input (default: the weights' own)"))
    .addOption(fitOption())
    .option(
      '--names <library>',
      `pth, safetensors: whose names the tensors get, ${LIBRARIES.join(' or ')} (default: those of the library that has the network)`,
      oneOf(LIBRARIES),
    )
    .option('--model <name>', 'the network that a file is for, where the file does not say')
    .option('--json', 'print one JSON document on stdout');
}

interface ExportOptions extends TargetOptions {
  to: Target;
  out?: string;
  overwrite?: boolean;
  size?: InputSize;
  fit?: Fit;
  model?: string;
  json?: boolean;
}

export async function run([name]: string[], given: ExportOptions): Promise<number> {
  const { to, size, fit, model } = given;
  checkFormat(given);
  const source = await openExported(name!, {
    ...(model !== undefined && { model }),
    ...(size !== undefined && { size }),
    ...(fit !== undefined && { fit }),
  });
  const target = await targetOf(source, given);
  const started = performance.now();
  const { bytes, beside, notes } = await written(to, source, given);
  const seconds = (performance.now() - started) / 1000;
  const besides = beside.map(({ suffix }) => `${target}${suffix}`);
  await refuseOver(besides, source);
  await writeWhole(target, bytes);
  for (const { suffix, text } of beside) await writeWhole(`${target}${suffix}`, text);
  const programs = beside.filter(({ run }) => run);
  if (given.json) {
    printJson({
      file: target,
      beside: besides,
      bytes: bytes.length,
      seconds,
      model: source.shapes.spec!.name,
      notes,
    });
    return 0;
  }
  for (const note of notes) say(note);
  process.stdout.write(
    `${fromHere(target)}: ${source.shapes.spec!.name}, ${source.classes.length} ${source.thresholds ? 'labels' : 'classes'}, ${formatBytes(bytes.length)}, in ${formatSeconds(seconds)}\n`,
  );
  for (const { suffix, text, run } of programs)
    process.stdout.write(
      `\n${run} ${shellWord(fromHere(target + suffix))} PHOTO\n${text.replace(/^(?=.)/gm, '  ')}`,
    );
  return 0;
}

/** The file to write: a name that was given may be replaced, one that nobody typed may be somebody's file. */
async function targetOf(source: Exported, { to, out, overwrite }: ExportOptions): Promise<string> {
  const target = out ?? `${basename(source.stem)}.${to}`;
  await refuseOver([target], source);
  if (out === undefined && !overwrite && (await statOrNull(target)))
    throw new UserError(`${target} is there already; --overwrite replaces it, --out names another file`);
  return target;
}

const refuseOver = (written: readonly string[], { files }: Exported): Promise<void> =>
  refuseOverInputs(written, inputs('the file to export itself', files), 'name another one with --out');
