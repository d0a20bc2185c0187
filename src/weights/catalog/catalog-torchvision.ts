/**
 * torchvision's weights, from the weights enums of torchvision 0.29.1 (`torchvision.models.get_model_weights`): file
 * names, whose last eight digits are the start of the file's SHA-256; sizes as stated there; preprocessing; accuracies.
 * The whole SHA-256 is stated by nobody at torchvision; `PINNED` has it where two or more public projects, independent of
 * each other, pin the same one.
 *
 * torchvision is under the BSD 3-clause licence; it notes that pretrained weights may have terms of their own that come
 * from the data set (ImageNet). EfficientNet-B0 to B4 were trained in timm, B5 to B7 ported from TensorFlow.
 */
import type { Preprocessing } from '../../data/transforms.ts';
import { weightProperties } from '../../models/table.ts';
import { IMAGENET, parametersOf, type WeightsEntry } from './catalog-entry.ts';

type Row = readonly [
  model: string,
  version: 1 | 2,
  file: string,
  megabytes: number,
  resizeSize: number,
  inputSize: number,
  interpolation: Preprocessing['interpolation'],
  top1: number,
];

// biome-ignore format: a table
const ROWS: readonly Row[] = [
  // model, version, file, megabytes, resize, input, interpolation, top-1
  ['alexnet', 1, 'alexnet-owt-7be5be79.pth', 233.087, 256, 224, 'bilinear', 56.522],
  ['resnet18', 1, 'resnet18-f37072fd.pth', 44.661, 256, 224, 'bilinear', 69.758],
  ['resnet34', 1, 'resnet34-b627a593.pth', 83.275, 256, 224, 'bilinear', 73.314],
  ['resnet50', 1, 'resnet50-0676ba61.pth', 97.781, 256, 224, 'bilinear', 76.13],
  ['resnet50', 2, 'resnet50-11ad3fa6.pth', 97.79, 232, 224, 'bilinear', 80.858],
  ['resnet101', 1, 'resnet101-63fe2227.pth', 170.511, 256, 224, 'bilinear', 77.374],
  ['resnet101', 2, 'resnet101-cd907fc2.pth', 170.53, 232, 224, 'bilinear', 81.886],
  ['resnet152', 1, 'resnet152-394f9c45.pth', 230.434, 256, 224, 'bilinear', 78.312],
  ['resnet152', 2, 'resnet152-f82ba261.pth', 230.474, 232, 224, 'bilinear', 82.284],
  ['efficientnet_b0', 1, 'efficientnet_b0_rwightman-7f5810bc.pth', 20.451, 256, 224, 'bicubic', 77.692],
  ['efficientnet_b1', 1, 'efficientnet_b1_rwightman-bac287d4.pth', 30.134, 256, 240, 'bicubic', 78.642],
  ['efficientnet_b1', 2, 'efficientnet_b1-c27df63c.pth', 30.136, 255, 240, 'bilinear', 79.838],
  ['efficientnet_b2', 1, 'efficientnet_b2_rwightman-c35c1473.pth', 35.174, 288, 288, 'bicubic', 80.608],
  ['efficientnet_b3', 1, 'efficientnet_b3_rwightman-b3899882.pth', 47.184, 320, 300, 'bicubic', 82.008],
  ['efficientnet_b4', 1, 'efficientnet_b4_rwightman-23ab8bcd.pth', 74.489, 384, 380, 'bicubic', 83.384],
  ['efficientnet_b5', 1, 'efficientnet_b5_lukemelas-1a07897c.pth', 116.864, 456, 456, 'bicubic', 83.444],
  ['efficientnet_b6', 1, 'efficientnet_b6_lukemelas-24a108a5.pth', 165.362, 528, 528, 'bicubic', 84.008],
  ['efficientnet_b7', 1, 'efficientnet_b7_lukemelas-c5b4e57e.pth', 254.675, 600, 600, 'bicubic', 84.122],
  ['mobilenet_v2', 1, 'mobilenet_v2-b0353104.pth', 13.555, 256, 224, 'bilinear', 71.878],
  ['mobilenet_v2', 2, 'mobilenet_v2-7ebf99e0.pth', 13.598, 232, 224, 'bilinear', 72.154],
];

/** The SHA-256 of files, of which the names have the first eight digits. */
const PINNED: readonly string[] = [
  '7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02',
  'f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec',
  'b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f',
  '0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a',
  '11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca',
  '63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a',
  '394f9c45966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58',
  '7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934',
  'b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889',
  '7ebf99e03e254b273379b23edca7ec0da9f48273b23a332b93c1c99d49e86e8f',
];

function hashOf(file: string): string {
  const digits = file.slice(-12, -4);
  return PINNED.find((hash) => hash.startsWith(digits)) ?? digits;
}

export const TORCHVISION: readonly WeightsEntry[] = ROWS.map(
  ([model, version, file, megabytes, resizeSize, inputSize, interpolation, top1]) => ({
    name: `${model}.imagenet1k_v${version}`,
    model,
    parameters: parametersOf(model),
    shipped: null,
    downloads: [{ url: `https://download.pytorch.org/models/${file}`, sha256: hashOf(file) }],
    megabytes,
    licence: 'BSD-3-Clause',
    source: `https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.${model}.html`,
    preprocessing: { inputSize, resizeSize, interpolation, ...IMAGENET },
    classes: 'imagenet-1k',
    properties: weightProperties(model),
    top1,
  }),
);
