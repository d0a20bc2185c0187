/// <reference types="@webgpu/types" />
/**
 * Tessera's public API in Node: everything that a browser has (browser.ts lists it), and in place of what takes blobs,
 * addresses and the page's own GPU there, what takes paths and opens Dawn's adapters here.
 *
 *   const device = await openDevice();
 *   const model = await createModel('resnet18', { weights: 'resnet18.pth' });
 *   const logits = noGrad(() => model.eval().forward(x));       // x: [N, 224, 224, 3]
 */
export * from './browser.ts';
export { readImage } from './data/node/decode.ts';
export { writeImage } from './data/node/encode.ts';
export { type FolderOptions, imageFolder } from './data/node/folder.ts';
export { imageList } from './data/node/list/image-list.ts';
export { closeLoader, fromSamples, loadBatches, type WorkerLoaderOptions } from './data/node/loader.ts';
export { throughJpeg } from './data/node/through-jpeg.ts';
export { exportOnnx } from './export/node/export-onnx.ts';
export { memoryBudget } from './node/memory.ts';
export { listAdapters, type OpenOptions, openDevice } from './node/open-device.ts';
export type * from './report/document.ts';
export { type EvaluationReport, writeEvaluationReport } from './report/evaluation-report.ts';
export { MetricsLog, type MetricsLogOptions } from './report/metrics-log.ts';
export { reportHtml } from './report/page.ts';
export { predictionsCsv } from './report/predictions.ts';
export { type SearchExtras, searchReportHtml } from './report/search/page.ts';
export { TensorBoard, type TensorBoardOptions } from './report/tensorboard.ts';
export { type KeptLatencyOptions, latenciesFor } from './search/node/latency-shelf.ts';
export {
  createModel,
  loadWeights,
  openNamed,
  openWeights,
  saveWeights,
} from './weights/node/create-model.ts';
