/** The files of test/reference/weights and what PyTorch reads from them (test/reference/generate_weights.py). */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { CATALOG, type WeightsEntry } from '../../src/weights/catalog/catalog.ts';
import { WeightsError } from '../../src/weights/formats/error.ts';
import { toFloat32, type WeightsFile } from '../../src/weights/formats/state.ts';

interface DescribedTensor {
  dtype: string;
  shape: number[];
  bytes: string;
  float32: string;
}

interface Reference {
  files: Record<string, Record<string, DescribedTensor>>;
  rounding: { float32: number[]; float16: number[]; bfloat16: number[] };
  resnet18: {
    tensors: number;
    values: Record<string, { shape: number[]; places: number[]; values: number[] }>;
  };
  attacks: { runs: string; protocol: number; hex: string }[];
}

const folder = fileURLToPath(new URL('../reference/', import.meta.url));

export const reference: Reference = JSON.parse(readFileSync(join(folder, 'weights.json'), 'utf8'));

/** The bytes of test/reference/weights/NAME. */
export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, 'weights', name)));
}

/** Puts a made-up file into the catalog as if it were the download of `entry`; returns what takes it out again. */
export function putIntoCatalog(bytes: Uint8Array, entry: WeightsEntry): () => void {
  const sha256 = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  const catalog = CATALOG as WeightsEntry[];
  catalog.push({ ...entry, downloads: [{ url: 'https://example.org/x.pth', sha256 }] });
  return () => catalog.pop();
}

/** The bytes of a file under TESSERA_DATA, or null where there is none. */
export function realFile(path: string): Uint8Array | null {
  const root = process.env.TESSERA_DATA;
  return root && existsSync(join(root, path)) ? new Uint8Array(readFileSync(join(root, path))) : null;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Same names in the same order, and for each the same type, shape, bytes and float32 values. */
export function assertTensors(file: WeightsFile, expected: Record<string, DescribedTensor>): void {
  assert.equal([...file.tensors.keys()], Object.keys(expected));
  for (const [name, tensor] of file.tensors) {
    const wanted = expected[name];
    assert.is(tensor.dtype, wanted.dtype, name);
    assert.equal([...tensor.shape], wanted.shape, name);
    assert.is(hex(tensor.bytes), wanted.bytes, name);
    const values = toFloat32(tensor);
    assert.is(hex(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)), wanted.float32, name);
  }
}

/** `read` must refuse with a WeightsError: one sentence that matches. Anything else is a bug of the reader. */
export async function assertRefused(
  read: () => unknown,
  expected: RegExp,
  label = '',
): Promise<WeightsError> {
  let outcome: unknown;
  try {
    outcome = await read();
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    assert.match(error.message, expected, label);
    assert.match(error.message, /[.)]$/, `${label}: not a sentence: ${error.message}`);
    return error;
  }
  throw new Error(`${label}: was read instead of refused: ${String(outcome)}`);
}
