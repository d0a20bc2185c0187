/** test/helpers/gpu.ts in a page: the browser's WebGPU. */
export const gpu: GPU = navigator.gpu;
