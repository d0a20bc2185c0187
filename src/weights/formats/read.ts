/**
 * Opens a weights file of any kind, by its content rather than its name.
 *
 * Most files that "do not load" are no weights at all: an HTML error page, a Git LFS pointer, half a download. Each
 * of them gets a sentence that says so and what to do.
 */

import { WeightsError } from './error.ts';
import { foreignStart } from './foreign.ts';
import { readSafetensors } from './safetensors.ts';
import { checkSeal } from './seal.ts';
import type { WeightsFile } from './state.ts';
import { isZip, readTorch } from './torchfile.ts';
import { withoutWrappers } from './wrappers.ts';

/** What files turn out to be when they are no weights of any program (foreign.ts): how they begin, and the remedy. */
const STRANGERS: ReadonlyArray<readonly [start: RegExp | string, sentence: string]> = [
  [
    'version https://git-lfs',
    'is a Git LFS pointer, a few lines of text in place of the weights: run "git lfs pull", or download the file itself.',
  ],
  [
    /^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|\?xml|body)/i,
    'is an HTML or XML page rather than weights. Where it was downloaded, it may be an error or a log-in page: open the address in a browser.',
  ],
  [
    /^\s*[{[]/,
    'is JSON text rather than weights. Where it was downloaded, it may say what went wrong: look into it.',
  ],
  ['\x1f\x8b', 'is compressed with gzip: unpack it first (gunzip).'],
  ['\xfd7zXZ', 'is compressed with xz: unpack it first (unxz).'],
  ['BZh', 'is compressed with bzip2: unpack it first (bunzip2).'],
  ['\x89PNG', 'is a picture.'],
  ['\xff\xd8\xff', 'is a picture.'],
  ['PK\x05\x06', 'is an empty zip file.'],
];

/** Bytes as characters of the same number (TextDecoder's "latin1" is Windows-1252). */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/**
 * Eight bytes of header length, of which the upper ones are 0, then the brace that opens the header. Asked before
 * anything else: a length may well begin with the byte that opens a pickle (0x80), but no pickle or zip passes here.
 */
function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.length >= 9 && bytes[6] === 0 && bytes[7] === 0 && bytes[8] === 0x7b;
}

function tarOfOldTorch(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(257, 262)) === 'ustar';
}

/** Reads by content. @throws WeightsError without the file's name. */
function readAny(bytes: Uint8Array): WeightsFile {
  if (bytes.length === 0) throw new WeightsError('sniff', 'is empty (0 bytes).');
  if (looksLikeSafetensors(bytes)) return readSafetensors(bytes);
  if (isZip(bytes) || bytes[0] === 0x80) return readTorch(bytes);
  const start = latin1(bytes.subarray(0, 512));
  const stranger = STRANGERS.find(([sign]) =>
    typeof sign === 'string' ? start.startsWith(sign) : sign.test(start),
  );
  if (stranger) throw new WeightsError('sniff', stranger[1]);
  const foreign = foreignStart(bytes);
  if (foreign) throw foreign;
  if (tarOfOldTorch(bytes)) {
    throw new WeightsError(
      'sniff',
      'is in the tar format of PyTorch before 0.2. Where you trust it, two lines of Python write it anew:',
      {
        python: ['import torch', "torch.save(torch.load('FILE', weights_only=False), 'weights.pth')"],
      },
    );
  }
  throw new WeightsError(
    'sniff',
    `is no weights file that can be read (${bytes.length} bytes): neither PyTorch (.pth, .pt) nor safetensors.`,
  );
}

function unwrapped(name: string, { tensors, metadata, notes = [] }: WeightsFile): WeightsFile {
  const clean = withoutWrappers(tensors);
  return { name, tensors: clean.tensors, metadata, notes: [...notes, ...clean.notes] };
}

/**
 * Reads a `.pth`, `.pt` or `.safetensors` file. Tensors are views of `bytes` wherever they can be. A file that carries its
 * hash (seal.ts) is held against it.
 * @param name of the file, for error sentences only
 * @throws WeightsError, whose sentence begins with the name
 */
export async function readWeights(bytes: Uint8Array, name: string): Promise<WeightsFile> {
  await checkSeal(bytes).catch((error: unknown) => {
    throw withName(error, name);
  });
  return readStructure(bytes, name);
}

/**
 * `readWeights` of which only what describes the tensors has to be there: their values are not looked at.
 * @throws as `readWeights`
 */
export function readStructure(bytes: Uint8Array, name: string): WeightsFile {
  return named(name, () => {
    // Not a Node Buffer, whose `slice` and `subarray` differ from those of its base class.
    const file = readAny(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (file.tensors.size === 0) throw new WeightsError('tensors', 'holds no tensors.');
    const others = file.others?.map((one) => ({
      ...one,
      read: () => named(name, () => unwrapped(name, one.read())),
    }));
    return { ...unwrapped(name, file), others };
  });
}

/** What `read` gives; a refusal gets the file's name. */
function named<Result>(name: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw withName(error, name);
  }
}

function withName(error: unknown, name: string): unknown {
  if (!(error instanceof WeightsError)) return error;
  const { stage, sentence, python } = error;
  return new WeightsError(stage, `${name} ${sentence}`, { cause: error, python });
}
