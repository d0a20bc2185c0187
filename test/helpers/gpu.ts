/** What tests have of Node's WebGPU, Dawn. In a page test/browser/page/gpu.ts stands in its place. */
import { create, globals } from 'webgpu';

export { collect } from '../../src/node/collect.ts';

Object.assign(globalThis, globals);

export const gpu: GPU = create([]);
