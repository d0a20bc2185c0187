/**
 * A dry device: everything of `Device` but the GPU. Ops check shapes and limits, take buffers from the pool, record
 * dispatches and gradient nodes as ever, and nothing is computed and no memory is used. What a training step needs is
 * therefore found by taking it, kernels' temporaries and the pool's rounding included, in milliseconds and without an
 * adapter; there is no second set of formulas that could drift from the kernels.
 *
 * Values do not exist: `data()` and `item()` reject.
 */
import type { Choices } from './choices.ts';
import { Device } from './device.ts';
import { DeviceError } from './errors.ts';
import type { Program, Run } from './program.ts';
import { HARDWARE, type Traits } from './traits.ts';

/** What decides how a device works; a real `Device` has all of it. */
export interface DeviceLike {
  readonly limits: Pick<
    GPUSupportedLimits,
    'maxBufferSize' | 'maxStorageBufferBindingSize' | 'maxStorageBuffersPerShaderStage'
  >;
  readonly features: Iterable<string>;
  readonly info: GPUAdapterInfo;
  readonly traits: Traits;
  readonly choices?: Choices | null;
}

/** What a dry device was asked to do since it was opened. */
export interface Tally {
  /** Floating-point operations and bytes moved, as the kernels count them. */
  flops: number;
  bytes: number;
  dispatches: number;
  /** What ran, in the order of the first time, and with which parameters then: what `Device.compile` is given. */
  programs: Map<Program, Run['params']>;
}

/** A device as WebGPU guarantees it everywhere, for answers on machines without an adapter. */
export const PLAIN_DEVICE: DeviceLike = {
  limits: {
    maxBufferSize: 256 * 2 ** 20,
    maxStorageBufferBindingSize: 128 * 2 ** 20,
    maxStorageBuffersPerShaderStage: 8,
  },
  features: [],
  info: { vendor: '', architecture: '', device: '', description: 'no adapter' } as GPUAdapterInfo,
  traits: {
    lanes: 0,
    lanesBy: 'broadcast',
    immediates: false,
    f16: false,
    workgroupStorage: 16384,
    ...HARDWARE,
  },
};

/** `device`, where a buffer may be of any size. */
export function boundless(device: DeviceLike): DeviceLike {
  const any = Number.MAX_SAFE_INTEGER;
  return {
    ...device,
    limits: {
      maxBufferSize: any,
      maxStorageBufferBindingSize: any,
      maxStorageBuffersPerShaderStage: device.limits.maxStorageBuffersPerShaderStage,
    },
  };
}

/** Opens a dry device that takes the decisions of `like`, and the tally of its work. */
export async function dryDevice(like: DeviceLike): Promise<{ device: Device; tally: Tally }> {
  const device = await Device.open(dryGpu(like), { traits: like.traits, choices: like.choices ?? null });
  const tally: Tally = { flops: 0, bytes: 0, dispatches: 0, programs: new Map() };
  device.observe({
    dispatch({ program, params, flops, bytes }) {
      tally.flops += flops;
      tally.bytes += bytes;
      tally.dispatches++;
      if (!tally.programs.has(program)) tally.programs.set(program, params);
    },
  });
  return { device, tally };
}

const nothing = (): void => undefined;
const handle = (): object => ({});

function dryGpu({ limits, features, info }: DeviceLike): GPU {
  const buffer = {
    destroy: nothing,
    unmap: nothing,
    mapAsync: () =>
      Promise.reject(new DeviceError('a dry device computes nothing, so there is nothing to read')),
  };
  const pass = {
    setPipeline: nothing,
    setBindGroup: nothing,
    setImmediates: nothing,
    dispatchWorkgroups: nothing,
    end: nothing,
  };
  const encoder = { beginComputePass: () => pass, copyBufferToBuffer: nothing, finish: handle };
  const device = {
    limits,
    features: new Set(features),
    lost: new Promise<never>(nothing),
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: () => Promise.resolve() },
    createBuffer: ({ size }: GPUBufferDescriptor) => ({ ...buffer, size }),
    createShaderModule: handle,
    createBindGroupLayout: handle,
    createPipelineLayout: handle,
    createBindGroup: handle,
    createComputePipeline: handle,
    createComputePipelineAsync: () => Promise.resolve({}),
    createCommandEncoder: () => encoder,
    destroy: nothing,
  };
  const adapter = { limits, features: new Set(features), info, requestDevice: () => Promise.resolve(device) };
  // Only what Device and CommandList call exists here; a call to anything else fails loudly.
  return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
}
