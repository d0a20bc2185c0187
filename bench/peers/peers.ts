/** The peers: one row an engine and the way it runs. */
import type { CaseFiles } from './protocol.ts';

export interface Peer {
  /** What `--peers` calls it. */
  id: string;
  label: string;
  /** Who runs its child, and what that needs installed: npm packages of bench/peers, or Python's by pip. */
  runtime: 'node' | 'python';
  packages: readonly string[];
  /** Of bench/peers/children, with its argument. */
  child: readonly string[];
  on: 'webgpu' | 'vulkan' | 'cpu';
  precision: 'f32' | 'f16';
  passes: readonly CaseFiles['pass'][];
  licence: string;
}

const FORWARD = ['forward'] as const;
const BOTH = ['forward', 'step'] as const;

/** Ours is the first: all others are held against it. */
export const PEERS: readonly Peer[] = [
  {
    id: 'tessera',
    label: 'Tessera',
    runtime: 'node',
    packages: [],
    child: ['tessera.ts'],
    on: 'webgpu',
    precision: 'f32',
    passes: BOTH,
    licence: 'MIT',
  },
  {
    id: 'tfjs',
    label: 'tfjs',
    runtime: 'node',
    packages: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'],
    child: ['tfjs.ts'],
    on: 'webgpu',
    precision: 'f32',
    passes: BOTH,
    licence: 'Apache-2.0',
  },
  {
    id: 'jax-js',
    label: 'jax-js',
    runtime: 'node',
    packages: ['@jax-js/jax'],
    child: ['jax.ts'],
    on: 'webgpu',
    precision: 'f32',
    passes: BOTH,
    licence: 'MIT',
  },
  {
    id: 'onnxruntime-node',
    label: 'onnxruntime-node webgpu',
    runtime: 'node',
    packages: ['onnxruntime-node'],
    child: ['onnxruntime.ts', 'webgpu'],
    on: 'webgpu',
    precision: 'f32',
    passes: FORWARD,
    licence: 'MIT',
  },
  {
    id: 'onnxruntime-plugin',
    label: 'onnxruntime plugin webgpu',
    runtime: 'python',
    packages: ['onnxruntime', 'onnxruntime-ep-webgpu', 'numpy'],
    child: ['onnxruntime_peer.py'],
    on: 'webgpu',
    precision: 'f32',
    passes: FORWARD,
    licence: 'MIT',
  },
  {
    id: 'ncnn',
    label: 'ncnn vulkan f32',
    runtime: 'python',
    packages: ['ncnn', 'numpy'],
    child: ['ncnn_peer.py', 'f32'],
    on: 'vulkan',
    precision: 'f32',
    passes: FORWARD,
    licence: 'BSD-3-Clause',
  },
  {
    id: 'ncnn-f16',
    label: 'ncnn vulkan f16',
    runtime: 'python',
    packages: ['ncnn', 'numpy'],
    child: ['ncnn_peer.py', 'f16'],
    on: 'vulkan',
    precision: 'f16',
    passes: FORWARD,
    licence: 'BSD-3-Clause',
  },
  {
    id: 'tinygrad',
    label: 'tinygrad webgpu',
    runtime: 'python',
    packages: ['tinygrad', 'dawn-python', 'numpy'],
    child: ['tinygrad_peer.py'],
    on: 'webgpu',
    precision: 'f32',
    passes: FORWARD,
    licence: 'MIT',
  },
  {
    id: 'onnxruntime-cpu',
    label: 'onnxruntime-node cpu',
    runtime: 'node',
    packages: ['onnxruntime-node'],
    child: ['onnxruntime.ts', 'cpu'],
    on: 'cpu',
    precision: 'f32',
    passes: FORWARD,
    licence: 'MIT',
  },
  {
    id: 'pytorch-cpu',
    label: 'PyTorch cpu',
    runtime: 'python',
    packages: ['torch', 'numpy'],
    child: ['torch_peer.py'],
    on: 'cpu',
    precision: 'f32',
    passes: BOTH,
    licence: 'BSD-3-Clause',
  },
];

/**
 * How far logits may be from ours, as a share of the largest: float32 in another order of sums, or Winograd's; and float16.
 * Losses of three training steps on one batch, as a share of how far they fell.
 */
export const TOLERANCE = { f32: 1e-4, f16: 2e-2, step: 1e-2 } as const;
