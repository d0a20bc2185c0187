/** The WebGPU that tests run on: Dawn's. In a page test/browser/page/gpu.ts stands in its place. */
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);

export const gpu: GPU = create([]);
