/** Counts what a device creates, by wrapping its methods. */
import type { Device } from '../../src/gpu/index.ts';

const METHODS = ['createBuffer', 'createBindGroup', 'createComputePipeline'] as const;

/** Counts buffers, bind groups and pipelines created from now on: call the result for the number so far. */
export function countCreated(
  { gpu }: Device,
  methods: readonly (typeof METHODS)[number][] = METHODS,
): () => number {
  let created = 0;
  for (const method of methods) {
    const original = gpu[method].bind(gpu) as (descriptor: never) => unknown;
    Object.assign(gpu, {
      [method]: (descriptor: never) => {
        created++;
        return original(descriptor);
      },
    });
  }
  return () => created;
}
