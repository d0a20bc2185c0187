/**
 * The files of a case: a network with its weights as our own export writes it (ONNX, safetensors, the plain graph, ncnn's
 * format), and the pictures and labels that calls rotate through. Pictures are blocks of colour under noise; nothing is zero.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxBytes } from '../../src/export/node/onnx-file.ts';
import { onnxModel } from '../../src/export/onnx/export.ts';
import type { Device } from '../../src/gpu/index.ts';
import { pseudo, pseudoPictures } from '../../src/verify/pseudo.ts';
import { createModel, saveWeights } from '../../src/weights/node/create-model.ts';
import { spread } from '../spread.ts';
import { graphOf } from './graph.ts';
import { ncnnNet } from './ncnn-net.ts';
import type { CaseFiles } from './protocol.ts';

/** What is asked for. */
export interface Wanted {
  network: string;
  pass: CaseFiles['pass'];
  batch: number;
  size: number;
  weights: 'pseudo-random' | 'pretrained';
}

const INPUTS = 3;
const CLASSES = 1000;
/** Of SGD: small enough that three steps of a network at random fall in a smooth way, so that losses can be compared. */
const [RATE, MOMENTUM] = [0.01, 0.9];

/** Writes the files of a case into `folder`. @throws Error, a sentence, where there are no such weights */
export async function prepare(device: Device, folder: string, wanted: Wanted): Promise<CaseFiles> {
  const { network, pass, batch, size, weights } = wanted;
  mkdirSync(folder, { recursive: true });
  const model = await createModel(network, {
    device,
    ...(weights === 'pretrained' ? { weights: 'pretrained' } : { numClasses: CLASSES }),
  });
  model.eval();
  if (weights === 'pseudo-random') spread(model);
  const paths = (name: string): string[] =>
    Array.from({ length: INPUTS }, (_, index) => join(folder, `${name}.${index}`));
  const files: CaseFiles['files'] = {
    graph: join(folder, 'graph.json'),
    weights: join(folder, 'graph.bin'),
    onnx: join(folder, 'network.onnx'),
    safetensors: join(folder, 'network.safetensors'),
    ncnnParam: join(folder, 'ncnn.param'),
    ncnnBin: join(folder, 'ncnn.bin'),
    nchw: paths('nchw'),
    nhwc: paths('nhwc'),
    labels: paths('labels'),
  };
  await saveWeights(model, files.safetensors);
  const onnx = await onnxModel(model, { shape: [size, size, 3], keepNorms: pass === 'step' });
  writeFileSync(files.onnx, await onnxBytes(onnx));
  const { graph, weights: numbers } = graphOf(onnx);
  writeFileSync(files.graph, JSON.stringify(graph));
  writeFileSync(files.weights, numbers);
  if (pass === 'forward') {
    const { param, bin } = ncnnNet(graph, numbers, size);
    writeFileSync(files.ncnnParam, param);
    writeFileSync(files.ncnnBin, bin);
  }
  const classes = model.numClasses;
  for (let index = 0; index < INPUTS; index++) {
    const pictures = pseudoPictures(`peers ${index}`, [batch, size, size, 3]);
    writeFileSync(files.nhwc[index]!, pictures);
    writeFileSync(files.nchw[index]!, channelsFirst(pictures, batch, size * size));
    writeFileSync(
      files.labels[index]!,
      Int32Array.from(pseudo(`labels ${index}`, batch), (value) => Math.floor(((value + 1) / 2) * classes)),
    );
  }
  model.dispose();
  return { network, pass, batch, size, classes, inputs: INPUTS, rate: RATE, momentum: MOMENTUM, files };
}

/** [N, H, W, 3] → [N, 3, H, W] */
function channelsFirst(pictures: Float32Array, batch: number, pixels: number): Float32Array {
  const result = new Float32Array(pictures.length);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < 3; c++)
      for (let pixel = 0; pixel < pixels; pixel++)
        result[(n * 3 + c) * pixels + pixel] = pictures[(n * pixels + pixel) * 3 + c]!;
  return result;
}
