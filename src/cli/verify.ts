/** `npm run verify`: a certificate that kernels and networks compute on this adapter what PyTorch computes. */
import type { Command } from 'commander';
import { KERNEL_LIMITS } from '../verify/engine-ops.ts';
import type { KernelCheck } from '../verify/kernels.ts';
import { type Comparison, NETWORK_LIMITS, type NetworkCheck } from '../verify/networks.ts';
import { readFixture, verifiable } from '../verify/node/fixtures.ts';
import { RANDOM_OPS } from '../verify/random-cases.ts';
import { type Certificate, verify } from '../verify/verify.ts';
import { commandLine, wholeNumber } from './command-line.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { announceSoftware, bold, counted, onStop, printJson, progressBar, UserError } from './ui.ts';

export const description =
  'Checks on this adapter that every op and its gradients equal a float64 reference on random shapes, and that ' +
  'networks equal PyTorch layer by layer: results in evaluation and in training mode, loss and every gradient. Names ' +
  'the first layer that departs. The exit code is 0 where all agrees.';

const KERNELS = 'kernels';

export function options(command: Command): void {
  command
    .argument(
      '[model]',
      `only this network (${verifiable().join(', ')}), or '${KERNELS}' for the ops alone (default: everything)`,
    )
    .option('--rounds <n>', 'random shapes for each op', wholeNumber(1), 6)
    .option('--seed <n>', 'other seeds draw other shapes', '0')
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option(...UNTUNED)
    .option('--json', 'print one JSON document on stdout');
}

interface VerifyOptions {
  rounds: number;
  seed: string;
  adapter?: string;
  untuned?: boolean;
  json?: boolean;
  debug?: boolean;
}

export async function run([wanted]: string[], options: VerifyOptions): Promise<number> {
  const models = wanted === undefined ? verifiable() : wanted === KERNELS ? [] : [known(wanted)];
  const ops = wanted === undefined || wanted === KERNELS ? RANDOM_OPS : [];
  const { json, rounds, seed } = options;
  const device = await openCommandDevice(options);
  announceSoftware(device);
  const stop = onStop('Stopping after this check; once more stops at once.');
  const bar = progressBar('Verify', ops.length + models.length);
  const certificate = await verify(device, {
    models,
    fixture: readFixture,
    ops,
    rounds,
    seed,
    onCheck: (name, done) => bar.update(done, name),
    signal: stop.signal,
  });
  bar.stop();
  stop.dispose();
  if (json) printJson(certificate);
  else process.stdout.write(`${describe(certificate)}\n`);
  device.close();
  if (stop.requested) return stop.exitCode;
  return certificate.passed ? 0 : 1;
}

function known(model: string): string {
  const names = verifiable();
  if (names.includes(model)) return model;
  throw new UserError(
    `PyTorch's values are stored of ${names.join(', ')}, not of '${model}'; ` +
      `${commandLine('verify', [KERNELS])} checks every op that networks are made of`,
  );
}

// --- text -----------------------------------------------------------------------------------------------------

/** An error as people read it: `3.8e-7`. */
const show = (error: number): string => (error === 0 ? '0' : error.toExponential(1));

const mark = (passed: boolean): string => (passed ? 'ok     ' : bold('DEPARTS', process.stdout));

function describeKernel({ op, cases, forward, gradients, passed }: KernelCheck): string {
  const line = `${mark(passed)}  ${op.padEnd(22)} ${counted(cases, 'shape')}: ${show(forward.error)} forward, ${show(gradients.error)} gradients`;
  const beyond = [
    ...(forward.error <= KERNEL_LIMITS.forward ? [] : [forward]),
    ...(gradients.error <= KERNEL_LIMITS.gradients ? [] : [gradients]),
  ];
  return [line, ...beyond.map(({ at, error }) => `         ${at} is off by ${show(error)}`)].join('\n');
}

function describeNetwork({ model, comparisons, first, passed }: NetworkCheck): string {
  const largest = (mode: Comparison['mode'], kind: Comparison['kind']): string => {
    const errors = comparisons.filter((entry) => entry.mode === mode && entry.kind === kind);
    return show(errors.reduce((worst, { error }) => Math.max(worst, error), 0));
  };
  const layers = comparisons.filter(({ mode, kind }) => mode === 'evaluation' && kind === 'layer').length;
  const line =
    `${mark(passed)}  ${model.padEnd(22)} ${layers} layers: ${largest('evaluation', 'layer')} in evaluation, ${largest('training', 'layer')} in training; ` +
    `loss ${largest('training', 'loss')}, gradients ${largest('training', 'gradient')}`;
  return first ? `${line}\n         ${describeFirst(first, comparisons)}` : line;
}

/** The first departure, and how much departs after it. */
function describeFirst(first: Comparison, comparisons: readonly Comparison[]): string {
  const what = first.kind === 'gradient' ? `the gradient of ${first.at}` : first.at;
  const more = comparisons.filter(({ passed }) => !passed).length - 1;
  const rest = more > 0 ? `; ${more} of ${comparisons.length} comparisons depart after it` : '';
  return `first: ${what}, in ${first.mode}, is off by ${show(first.error)} (at most ${show(NETWORK_LIMITS[first.kind])})${rest}`;
}

function describe(certificate: Certificate): string {
  const { kernels, networks, complete, notRun } = certificate;
  return [
    ...kernels.map(describeKernel),
    ...networks.map(describeNetwork),
    bold(verdict(certificate), process.stdout),
    ...(complete ? [] : [`Stopped before its end; not run: ${notRun.join(', ')}.`]),
  ].join('\n');
}

function verdict({ adapter, kernels, networks, complete }: Certificate): string {
  const checks = [...kernels, ...networks];
  const failed = checks.filter(({ passed }) => !passed);
  const where = `on ${adapter.description}`;
  if (failed.length > 0) {
    const names = failed.map((check) => ('op' in check ? check.op : check.model)).join(', ');
    return `Departs from the reference ${where}: ${names}.`;
  }
  if (checks.length === 0) return `Nothing was compared ${where}.`;
  const compared = [
    ...(kernels.length > 0 ? [counted(kernels.length, 'op')] : []),
    ...(networks.length > 0 ? [counted(networks.length, 'network')] : []),
  ].join(' and ');
  const agree = checks.length === 1 ? 'agrees' : 'agree';
  return `${complete ? '' : 'So far '}${compared} ${agree} with the reference ${where}.`;
}
