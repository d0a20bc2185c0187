/**
 * Programs of a few lines that run an exported file without this project, one beside each file: its name with `.py` or
 * `.mjs` behind it, by which it finds the file. Each prepares a photo as the network was trained, names the five likeliest
 * classes and prints their shares, as `predict` does.
 */
import { heightWidth } from '../data/input-size.ts';
import { borderColour } from '../data/placing.ts';
import type { Preprocessing } from '../data/transforms.ts';
import type { Elsewhere } from './libraries.ts';

/** What a file was exported with. */
export interface RunnerOptions {
  preprocessing: Preprocessing;
  /** ONNX: the graph normalises its pictures itself. */
  normalises?: boolean;
  /** ONNX: the graph ends in a softmax. */
  softmax?: boolean;
  /** Several labels may hold of a picture: each has its sigmoid, and those are named that reach their thresholds. */
  thresholds?: readonly number[];
}

const lines = (...text: string[]): string => `${text.join('\n')}\n`;
const triple = (values: readonly number[]): string => values.join(', ');

/** Python: a photo as the transforms make it of one (src/data/placing.ts), upright as its camera was held. */
function prepared(preprocessing: Preprocessing): string[] {
  const { inputSize, resizeSize, fit, interpolation } = preprocessing;
  const [height, width] = heightWidth(inputSize);
  const open = "image = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert('RGB')";
  const resized = `image.resize(size, Image.${interpolation.toUpperCase()})`;
  const [H, W] = heightWidth(resizeSize);
  const toOneRatio = [
    `ratio = ${fit === 'pad' ? 'max' : 'min'}(image.width / ${W}, image.height / ${H})`,
    'size = [max(1, round(side / ratio)) for side in image.size]',
  ];
  if (fit === 'pad')
    return [
      open,
      ...toOneRatio,
      `place = [(room - side) // 2 if side <= room else -round((side - room) / 2) for side, room in zip(size, (${width}, ${height}))]`,
      `border = Image.new('RGB', (${width}, ${height}), (${triple(borderColour(preprocessing))}))`,
      `border.paste(${resized}, tuple(place))`,
      'image = border',
    ];
  const toShorter = [`size = [int(${resizeSize} * side / min(image.size)) for side in image.size]`];
  const middle =
    height === width
      ? `left, top = [round((side - ${width}) / 2) for side in size]`
      : `left, top = [round((side - room) / 2) for side, room in zip(size, (${width}, ${height}))]`;
  return [
    open,
    ...(typeof resizeSize === 'number' ? toShorter : toOneRatio),
    middle,
    `image = ${resized}.crop((left, top, left + ${width}, top + ${height}))`,
  ];
}

/** An ONNX file by Python's onnxruntime; the classes stand in the file. */
export function pythonForOnnx({ preprocessing, normalises, softmax, thresholds }: RunnerOptions): string {
  const { mean, std } = preprocessing;
  const input = normalises
    ? ['x = np.asarray(image)[None]']
    : [
        `x = (np.asarray(image, np.float32) / 255 - np.float32([${triple(mean)}])) / np.float32([${triple(std)}])`,
        'x = x.transpose(2, 0, 1)[None]',
      ];
  return lines(
    '# pip install onnxruntime pillow numpy; then: python THIS_FILE PHOTO',
    'import json, sys',
    'import numpy as np, onnxruntime',
    'from PIL import Image, ImageOps',
    'session = onnxruntime.InferenceSession(sys.argv[0][:-3])',
    "classes = json.loads(session.get_modelmeta().custom_metadata_map['classes'])",
    ...prepared(preprocessing),
    ...input,
    'y = session.run(None, {session.get_inputs()[0].name: x})[0][0]',
    ...(thresholds
      ? [
          "thresholds = json.loads(session.get_modelmeta().custom_metadata_map['thresholds'])",
          'y = 1 / (1 + np.exp(-y))',
          'for i in np.argsort(-y):',
          "    if y[i] >= thresholds[i]: print(f'{classes[i]}  {y[i]:.1%}')",
        ]
      : [
          ...(softmax ? [] : ['y = np.exp(y - y.max()) / np.exp(y - y.max()).sum()']),
          "for i in np.argsort(-y)[:5]: print(f'{classes[i]}  {y[i]:.1%}')",
        ]),
  );
}

/** JavaScript: Pillow's filters, and how far each reaches. */
const FILTERS = {
  bilinear: ['(x) => Math.max(0, 1 - Math.abs(x))', 1],
  bicubic: [
    '(x) => ((x = Math.abs(x)) < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0)',
    2,
  ],
} as const;

/**
 * An ONNX file by onnxruntime-node; the classes stand in the JSON beside the file. The resize is written out, since sharp's
 * own gives other pixels than those that the network was trained on: on a close call another class was first.
 */
export function nodeForOnnx({ preprocessing, normalises, softmax, thresholds }: RunnerOptions): string {
  const { interpolation, mean, std } = preprocessing;
  const [height, width] = heightWidth(preprocessing.inputSize);
  const [weight, reach] = FILTERS[interpolation];
  const input = normalises
    ? [
        `const x = Uint8Array.from({ length: 3 * ${height} * ${width} }, (_, i) => pixel(Math.floor(i / 3), i % 3));`,
        `const tensor = new ort.Tensor('uint8', x, [1, ${height}, ${width}, 3]);`,
      ]
    : [
        `const [mean, std] = [[${triple(mean)}], [${triple(std)}]];`,
        `const x = Float32Array.from({ length: 3 * ${height} * ${width} }, (_, i) => {`,
        `  const c = Math.floor(i / ${height * width});`,
        `  return (pixel(i % ${height * width}, c) / 255 - mean[c]) / std[c];`,
        '});',
        `const tensor = new ort.Tensor('float32', x, [1, 3, ${height}, ${width}]);`,
      ];
  return lines(
    '// npm install --ignore-scripts onnxruntime-node sharp; then: node THIS_FILE PHOTO',
    "import { readFileSync } from 'node:fs';",
    "import { fileURLToPath } from 'node:url';",
    "import ort from 'onnxruntime-node';",
    "import sharp from 'sharp';",
    '',
    `// Pillow's ${interpolation} resize along one axis: of [before, size, after] values, \`to\` in place of \`size\`.`,
    `const weight = ${weight};`,
    'function resize(values, before, size, after, to) {',
    '  const result = new Uint8ClampedArray(before * to * after);',
    '  const stretch = Math.max(size / to, 1);',
    '  for (let o = 0; o < to; o++) {',
    '    const centre = ((o + 0.5) * size) / to;',
    `    const first = Math.max(0, Math.round(centre - ${reach} * stretch));`,
    `    const end = Math.min(size, Math.round(centre + ${reach} * stretch));`,
    '    const weights = Array.from({ length: end - first }, (_, k) => weight((first + k + 0.5 - centre) / stretch));',
    '    const total = weights.reduce((a, b) => a + b);',
    '    for (let b = 0; b < before; b++)',
    '      for (let a = 0; a < after; a++) {',
    '        const sum = weights.reduce((s, w, k) => s + w * values[(b * size + first + k) * after + a], 0);',
    '        result[(b * to + o) * after + a] = Math.floor(sum / total + 0.5);',
    '      }',
    '  }',
    '  return result;',
    '}',
    '',
    'const file = fileURLToPath(import.meta.url).slice(0, -4);',
    `const { classes${thresholds ? ', thresholds' : ''} } = JSON.parse(readFileSync(file + '.json', 'utf8'));`,
    'const session = await ort.InferenceSession.create(file);',
    "const photo = sharp(process.argv[2], { ignoreIcc: true }).rotate().removeAlpha().toColourspace('srgb').raw();",
    'const { data, info: { width, height } } = await photo.toBuffer({ resolveWithObject: true });',
    ...placedInJavaScript(preprocessing),
    ...input,
    'const [{ data: y }] = Object.values(await session.run({ [session.inputNames[0]]: tensor }));',
    ...(thresholds
      ? ['const shares = [...y].map((v) => 1 / (1 + Math.exp(-v)));']
      : softmax
        ? ['const shares = [...y];']
        : [
            'const largest = y.reduce((a, b) => Math.max(a, b));',
            'const powers = y.map((v) => Math.exp(v - largest));',
            'const sum = powers.reduce((a, b) => a + b);',
            'const shares = [...powers].map((v) => v / sum);',
          ]),
    thresholds
      ? 'for (const i of [...shares.keys()].filter((i) => shares[i] >= thresholds[i]).sort((a, b) => shares[b] - shares[a]))'
      : 'for (const i of [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, 5))',
    "  console.log(classes[i] + '  ' + (100 * shares[i]).toFixed(1) + '%');",
  );
}

/** JavaScript: `small`, the photo as it is resized, and `pixel` of the input, the transforms' rules (src/data/placing.ts). */
function placedInJavaScript(preprocessing: Preprocessing): string[] {
  const { inputSize, resizeSize, fit } = preprocessing;
  const [height, width] = heightWidth(inputSize);
  const [H, W] = heightWidth(resizeSize);
  const toShorter = typeof resizeSize === 'number' && fit !== 'pad';
  const sides = toShorter
    ? [
        `const [w, h] = [width, height].map((side) => Math.trunc((${resizeSize} * side) / Math.min(width, height)));`,
      ]
    : [
        'const even = (x) => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)); // as Python rounds',
        `const ratio = Math.${fit === 'pad' ? 'max' : 'min'}(width / ${W}, height / ${H});`,
        'const [w, h] = [width, height].map((side) => Math.max(1, even(side / ratio)));',
      ];
  const resized = 'const small = resize(resize(data, height, width, 3, w), 1, height, 3 * w, h);';
  const half =
    'const half = (margin) => (margin % 2 ? 2 * Math.round(margin / 4) : margin / 2); // to even, as Python rounds';
  if (fit !== 'pad')
    return [
      ...sides,
      resized,
      half,
      height === width
        ? `const [left, top] = [w, h].map((side) => half(side - ${width}));`
        : `const [left, top] = [half(w - ${width}), half(h - ${height})];`,
      `const pixel = (i, c) => small[3 * ((Math.floor(i / ${width}) + top) * w + (i % ${width}) + left) + c];`,
    ];
  return [
    ...sides,
    resized,
    half,
    'const before = (side, room) => (side <= room ? -Math.floor((room - side) / 2) : half(side - room));',
    `const [left, top] = [before(w, ${width}), before(h, ${height})];`,
    `const border = [${triple(borderColour(preprocessing))}];`,
    'const pixel = (i, c) => {',
    `  const [x, y] = [(i % ${width}) + left, Math.floor(i / ${width}) + top];`,
    '  return x < 0 || y < 0 || x >= w || y >= h ? border[c] : small[3 * (y * w + x) + c];',
    '};',
  ];
}

/** A .pth or .safetensors file by PyTorch and the library that has the network; the classes stand in the file. */
export function pythonForTorch(
  { preprocessing, thresholds }: RunnerOptions,
  format: 'pth' | 'safetensors',
  { library, build }: Elsewhere,
  numClasses: number,
): string {
  const { mean, std } = preprocessing;
  const [packages, imports] =
    format === 'pth' ? ['', 'import zipfile'] : [' safetensors', 'from safetensors import safe_open'];
  const load =
    format === 'pth'
      ? [
          'state = torch.load(file, weights_only=True)',
          "metadata = json.loads(zipfile.ZipFile(file).read('archive/extra/metadata.json'))",
        ]
      : [
          "with safe_open(file, 'pt') as opened:",
          '    state, metadata = {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()',
        ];
  return lines(
    `# pip install torch ${library}${packages} pillow; then: python THIS_FILE PHOTO`,
    'import json, sys',
    imports,
    `import torch, ${library}`,
    'from PIL import Image, ImageOps',
    'from torchvision.transforms.functional import normalize, to_tensor',
    'file = sys.argv[0][:-3]',
    ...load,
    `model = ${build(numClasses)}.eval()`,
    'model.load_state_dict(state)',
    "classes = json.loads(metadata['classes'])",
    ...prepared(preprocessing),
    `x = normalize(to_tensor(image), [${triple(mean)}], [${triple(std)}])[None]`,
    ...(thresholds
      ? [
          "thresholds = json.loads(metadata['thresholds'])",
          'with torch.inference_mode(): y = model(x)[0].sigmoid()',
          'for i in y.argsort(descending=True).tolist():',
          "    if y[i] >= thresholds[i]: print(f'{classes[i]}  {y[i]:.1%}')",
          '# to train on: torch.nn.BCEWithLogitsLoss()(model(x), targets), targets [N, labels] of 0 and 1',
        ]
      : [
          'with torch.inference_mode(): y = model(x)[0].softmax(0)',
          `for share, i in zip(*y.topk(min(5, len(classes)))): print(f'{classes[i]}  {share:.1%}')`,
        ]),
  );
}
