/** PyTorch's values of networks, which test/reference/generate_verify.py writes to src/verify/fixtures. Node only. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Norms } from '../errors.ts';
import type { StateOptions } from '../pseudo.ts';

/** A layer's result as it is stored. */
export interface LayerRow {
  /** The module, or the stage where `stage` is set. */
  at: string;
  stage?: true;
  shape: number[];
  /** The largest magnitude. */
  max: number;
  norms: Norms;
  /** Values at `samplePositions`. */
  samples: Float32Array;
}

/** A forward pass: what goes in and what each layer makes of it, in the order of computation. */
export interface Pass {
  input: { name: string; shape: [number, number, number, number] };
  weights: StateOptions;
  layers: LayerRow[];
}

export interface NetworkFixture {
  model: string;
  numClasses: number;
  evaluation: Pass;
  training: Pass & { labels: number[]; loss: number; gradients: Record<string, Norms> };
}

const folder = new URL('../fixtures/', import.meta.url);

/** The models that there are fixtures of, sorted. */
export function verifiable(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** The fixture of a model. */
export function readFixture(model: string): NetworkFixture {
  return JSON.parse(readFileSync(new URL(`${model}.json`, folder), 'utf8'), (key, value) =>
    key === 'samples' ? floats(value) : value,
  );
}

/** Little-endian float32 values from base64. */
function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
