/** Counts what a device creates, by wrapping the methods of its GPUDevice. */
import type { Device } from '../../src/gpu/index.ts';

export interface Creations {
  buffers: number;
  bindGroups: number;
  restore(): void;
}

export function countCreations({ gpu }: Device): Creations {
  const { createBuffer, createBindGroup } = gpu;
  const counts: Creations = {
    buffers: 0,
    bindGroups: 0,
    restore: () => Object.assign(gpu, { createBuffer, createBindGroup }),
  };
  gpu.createBuffer = (descriptor) => {
    counts.buffers++;
    return createBuffer.call(gpu, descriptor);
  };
  gpu.createBindGroup = (descriptor) => {
    counts.bindGroups++;
    return createBindGroup.call(gpu, descriptor);
  };
  return counts;
}
