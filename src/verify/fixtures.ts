/**
 * PyTorch's values of networks, as test/reference/generate_verify.py writes them to src/verify/fixtures: what a file
 * holds, and how its text is read. Files are found by node/fixtures.ts; a page fetches them.
 */
import type { Norms } from './errors.ts';
import type { StateOptions } from './pseudo.ts';

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

/** A fixture from the text of its file. */
export function parseFixture(text: string): NetworkFixture {
  return JSON.parse(text, (key, value) => (key === 'samples' ? floats(value) : value));
}

/** Little-endian float32 values from base64. */
function floats(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
