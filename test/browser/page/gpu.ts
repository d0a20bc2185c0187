/** test/helpers/gpu.ts in a page: the browser's WebGPU. No page can run the garbage collector. */
export const gpu: GPU = navigator.gpu;

export const collect = undefined;
