/**
 * What other programs answer with exported networks: this writes them with our logits beside them, and
 * test/reference/exported.py holds onnxruntime, torchvision and timm against those.
 *
 *   node --import tsx bench/exported.ts FOLDER [NETWORK[=WEIGHTS]…]
 *   python test/reference/exported.py FOLDER
 *
 * A network without weights gets pseudo-random ones, with statistics of norms as a trained network might have them. For each
 * of them: NAME.onnx (normalised pictures in, logits out), NAME.pixels.onnx (pictures of 8 bits in, probabilities out),
 * NAME.pth and NAME.safetensors under each library's names, and for 1, 3 and 8 pictures the input and our logits.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { elsewhere, LIBRARIES } from '../src/export/libraries.ts';
import { onnxBytes } from '../src/export/node/onnx-file.ts';
import { onnxModel } from '../src/export/onnx/export.ts';
import { networkOf } from '../src/models/table.ts';
import type { Model } from '../src/nn/index.ts';
import { openDevice } from '../src/node/open-device.ts';
import { noGrad, scope, type Tensor, tensor } from '../src/tensor/index.ts';
import { pseudo } from '../src/verify/pseudo.ts';
import { torchState } from '../src/weights/create-model.ts';
import { writeSafetensors } from '../src/weights/formats/safetensors.ts';
import { writeTorch } from '../src/weights/formats/torch-write.ts';
import { underNames } from '../src/weights/names.ts';
import { createModel } from '../src/weights/node/create-model.ts';
import { IMAGENET_PREPROCESSING } from '../src/weights/start.ts';
import { spread } from './spread.ts';

const BATCHES = [1, 3, 8];
const NETWORKS = [
  'alexnet',
  'alexnet_2012',
  'resnet18',
  'resnet50',
  'mobilenet_v2',
  'mobilenetv2_100',
  'efficientnet_b0',
  'tf_efficientnet_b0',
  'efficientnet_lite0=pretrained',
  'tf_efficientnet_lite0',
  'table',
];
const TABLE = {
  name: 'of_a_table',
  rows: [
    [1, 3, 1, 8, 1, 0.25],
    [4, 5, 2, 16, 2, 0],
    [3, 1, 1, 24, 1, 0.5],
  ],
  stem: 8,
  head: 32,
  activation: 'silu',
  inputSize: 33,
  padding: 'same',
  normEps: 1e-3,
} as const;

const [folder, ...asked] = process.argv.slice(2);
if (!folder) throw new Error('name the folder to write into');
mkdirSync(folder, { recursive: true });
const device = await openDevice();

for (const entry of asked.length > 0 ? asked : NETWORKS) {
  const [name, weights] = entry.split('=') as [string, string | undefined];
  const network = name === 'table' ? TABLE : name;
  const model = (
    await createModel(network, { device, ...(weights ? { weights } : { numClasses: 10 }) })
  ).eval();
  if (!weights) spread(model);
  await write(join(folder, name), model);
  model.dispose();
  console.log(name);
}
device.close();

async function write(path: string, model: Model): Promise<void> {
  const { inputSize: size, spec } = model;
  const shape = [size, size, 3];
  const file = (suffix: string, bytes: Uint8Array | string): void => writeFileSync(`${path}${suffix}`, bytes);
  file('.onnx', await onnxBytes(await onnxModel(model, { shape })));
  const preprocessing = IMAGENET_PREPROCESSING;
  file('.pixels.onnx', await onnxBytes(await onnxModel(model, { shape, preprocessing, softmax: true })));
  const network = networkOf(spec!);
  const calls: Record<string, string> = {};
  for (const library of LIBRARIES) {
    const there = elsewhere(network, spec!.options, library);
    if (!there) continue;
    calls[library] = there.build(model.numClasses);
    const read = async (_: string, values: Tensor) => (await values.data()) as Float32Array;
    const tensors = underNames(await torchState(model, read), model, there.style);
    file(`.${library}.pth`, writeTorch(tensors, { classes: '[]' }));
    file(`.${library}.safetensors`, writeSafetensors(tensors, { format: 'pt' }));
  }
  const { mean, std } = preprocessing;
  const logits: Record<number, { pixels: string; logits: string }> = {};
  for (const batch of BATCHES) {
    const pixels = Uint8Array.from(
      pseudo(`pixels ${batch}`, batch * size * size * 3),
      (v) => 127.5 * (v + 1),
    );
    const pictures = Float32Array.from(pixels, (v, i) => (v / 255 - mean[i % 3]!) / std[i % 3]!);
    const x = tensor(pictures, [batch, ...shape], { device });
    const y = noGrad(() => scope(() => model.forward(x)));
    const answers = (await y.data()) as Float32Array;
    const [input, output] = [`.${batch}.pixels`, `.${batch}.logits`];
    file(input, pixels);
    file(output, new Uint8Array(answers.buffer, answers.byteOffset, answers.byteLength));
    logits[batch] = { pixels: input, logits: output };
    x.dispose();
    y.dispose();
  }
  file(
    '.json',
    JSON.stringify({ size, mean, std, classes: model.numClasses, libraries: calls, batches: logits }),
  );
}
