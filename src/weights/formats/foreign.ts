/**
 * What other programs write that is no weights file here, or holds weights where only those programs find them: Keras'
 * files, graphs, programs, whole pickled models. Each is told by its content and refused in a sentence, with the two lines
 * of Python that make a file of it which is read. FILE in them is the file's name.
 *
 *   starts    how the file begins, in hexadecimal digits
 *   holds     entries of a zip file
 *   object    the class of what was pickled
 */
import { type Stage, shorten, WeightsError } from './error.ts';

interface Foreign {
  starts?: RegExp;
  holds?: RegExp;
  object?: RegExp;
  /** `is …` or `holds …`: the rest of the sentence behind the file's name. */
  sentence: string;
  python?: readonly [string, string];
}

/**
 * A Keras network under timm's names: both have their layers in the same order, a kernel is [height, width, in, out] in
 * one and [out, in, height, width] in the other, and the scalars are batch norm's counters.
 */
const KERAS = [
  "import keras, timm, torch; k = [torch.tensor(w.numpy()) for w in keras.saving.load_model('FILE').weights if 'normalization' not in w.path]",
  "torch.save({n: (v.permute(3, 2, 0, 1) if v.ndim == 4 else v.t()).reshape(t.shape) for (n, t), v in zip([i for i in timm.create_model('tf_efficientnet_b0', num_classes=len(k[-1])).state_dict().items() if i[1].ndim], k)}, 'weights.pth')",
] as const;
const KERAS_NETWORKS =
  "Of Keras' networks EfficientNetB0 to B7 are known here, as tf_efficientnet_b0 to b7. Two lines of Python write such a one as PyTorch does, here a B0:";

const FOREIGN: readonly Foreign[] = [
  {
    starts: /^894844460d0a1a0a/,
    sentence: `is an HDF5 file, as Keras writes, and is not read. ${KERAS_NETWORKS}`,
    python: KERAS,
  },
  {
    holds: /^model\.weights\.h5$/,
    sentence: `is a model of Keras, and is not read. ${KERAS_NETWORKS}`,
    python: KERAS,
  },
  {
    starts: /^080112/,
    sentence:
      'is a graph of TensorFlow (SavedModel) rather than weights: save the network in Keras as NAME.keras, and look at that file here.',
  },
  {
    starts: /^.{8}54464c33/,
    sentence:
      'is a TensorFlow Lite graph, whose norms are folded into its layers: take the network that it was made from.',
  },
  {
    starts: /^08(?:0[2-9a-f]|1.)(?:12[0-7].[2-7]|3a|42)/,
    sentence:
      'is an ONNX graph rather than weights. Two lines of Python take its tensors out, which fit here where the exporter left names and norms alone:',
    python: [
      'import onnx, torch; from onnx.numpy_helper import to_array',
      "torch.save({t.name: torch.tensor(to_array(t)) for t in onnx.load('FILE').graph.initializer}, 'weights.pth')",
    ],
  },
  {
    starts: /^47475546/,
    sentence: 'is a GGUF file, of a language model; only PyTorch (.pth, .pt) and safetensors files are read.',
  },
  {
    starts: /^934e554d5059/,
    sentence:
      'is a single NumPy array, and weights are several with names. Two lines of Python make a file of it:',
    python: ['import numpy, torch', "torch.save({'NAME': torch.tensor(numpy.load('FILE'))}, 'weights.pth')"],
  },
  {
    holds: /^[^/]+\.npy$/,
    sentence: 'is an archive of NumPy arrays. Two lines of Python write them as PyTorch does:',
    python: [
      'import numpy, torch',
      "torch.save({name: torch.tensor(value) for name, value in numpy.load('FILE').items()}, 'weights.pth')",
    ],
  },
  {
    holds: /^[^/]+\/constants\.pkl$/,
    sentence: 'is a TorchScript program rather than weights. Two lines of Python take the weights out:',
    python: ['import torch', "torch.save(torch.jit.load('FILE').state_dict(), 'weights.pth')"],
  },
  {
    holds: /^(?:[^/]+\/)?models\/[^/]+\.json$/,
    sentence: 'is a program of torch.export rather than weights. Two lines of Python take the weights out:',
    python: ['import torch', "torch.save(torch.export.load('FILE').state_dict, 'weights.pth')"],
  },
  {
    holds: /\.(?:pth|pt|ckpt|safetensors|h5|keras|onnx)$/,
    sentence: 'is a zip archive around other files: unpack it, and name the file of weights in it.',
  },
  {
    object: /^fastai\.learner\.\w+$/,
    sentence:
      'holds a whole learner, as learn.export() writes it: only fastai itself could build it, and nothing of it is run here. Where you trust it, two lines of Python take the weights out:',
    python: [
      'import torch; from fastai.learner import load_learner',
      "torch.save(load_learner('FILE').model.state_dict(), 'weights.pth')",
    ],
  },
];

/** The refusal of bytes that begin like a file of another program; null where none is known. */
export function foreignStart(bytes: Uint8Array): WeightsError | null {
  const start = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return refusal(
    'sniff',
    FOREIGN.find(({ starts }) => starts?.test(start)),
  );
}

/** The refusal of a zip file with these entries; null where they may be torch.save's. */
export function foreignZip(entries: readonly string[]): WeightsError | null {
  return refusal(
    'header',
    FOREIGN.find(({ holds }) => holds && entries.some((name) => holds.test(name))),
  );
}

/**
 * The refusal of a whole object that was pickled where its weights should be.
 * @param name its class
 * @param key where in a dictionary it stands; null where it is all that was saved
 */
export function foreignObject(name: string, key: string | null): WeightsError {
  const known = FOREIGN.find(({ object }) => object?.test(name));
  if (known) return refusal('objects', known)!;
  const there = key === null ? '' : `[${pythonText(key)}]`;
  return new WeightsError(
    'objects',
    `holds a whole ${shorten(name)}${key === null ? '' : ` under '${shorten(key)}'`} rather than weights: only its own program ` +
      `could build it, and this reader refuses to run ${shorten(name)}. Where you trust the file, two lines of Python take the weights out:`,
    {
      python: [
        'import torch',
        `torch.save(torch.load('FILE', weights_only=False)${there}.state_dict(), 'weights.pth')`,
      ],
    },
  );
}

/** The refusal of a pickle that is not torch.save's. */
export function foreignPickle(): WeightsError {
  return new WeightsError(
    'header',
    'is a Python pickle, but not one that torch.save wrote. Where you trust it, and it holds arrays by name, two lines of Python write them as PyTorch does:',
    {
      python: [
        "import pickle, torch; arrays = pickle.load(open('FILE', 'rb'))",
        "torch.save({name: torch.as_tensor(value) for name, value in arrays.items()}, 'weights.pth')",
      ],
    },
  );
}

function refusal(stage: Stage, found: Foreign | undefined): WeightsError | null {
  return found ? new WeightsError(stage, found.sentence, { python: found.python }) : null;
}

/** A text out of a file as Python writes it. */
const pythonText = (text: string): string => `'${shorten(text).replaceAll("'", "\\'")}'`;
