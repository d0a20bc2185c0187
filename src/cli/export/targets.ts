/** The files of an export: the network in one of three formats, and the programs that run it. */
import { heightWidth } from '../../data/input-size.ts';
import { libraryFor } from '../../export/libraries.ts';
import { onnxBytes } from '../../export/node/onnx-file.ts';
import { onnxModel } from '../../export/onnx/export.ts';
import { nodeForOnnx, pythonForOnnx, pythonForTorch } from '../../export/runners.ts';
import { versions } from '../../node/versions.ts';
import { cardMetadata } from '../../weights/card.ts';
import { torchState } from '../../weights/create-model.ts';
import { writeSafetensors } from '../../weights/formats/safetensors.ts';
import type { StateDict } from '../../weights/formats/state.ts';
import { writeTorch } from '../../weights/formats/torch-write.ts';
import { ownStyle, underNames } from '../../weights/names.ts';
import { UserError } from '../ui.ts';
import type { Target, TargetOptions } from './rules.ts';
import type { Exported } from './source.ts';

/** A file beside the exported one, by what follows its name. */
export interface Beside {
  suffix: string;
  text: string;
  /** What runs it, where it is a program. */
  run?: 'python' | 'node';
}

export interface Written {
  bytes: Uint8Array;
  beside: Beside[];
  /** What somebody should know of it, in sentences. */
  notes: string[];
}

/** The bytes of an export and what lies beside it. @throws Error, a sentence, where the format cannot hold it */
export function written(to: Target, source: Exported, options: TargetOptions): Promise<Written> {
  return to === 'onnx' ? asOnnx(source, options) : asTorch(to, source, options);
}

/** What stands in a file beside the network. */
function metadataOf({
  classes,
  preprocessing,
  decision,
  thresholds,
  known,
  shapes,
}: Exported): Record<string, string> {
  const { licence, source, weights } = known.card;
  return {
    classes: JSON.stringify(classes),
    preprocessing: JSON.stringify(preprocessing),
    model: shapes.spec!.name,
    ...(decision && { decision: JSON.stringify(decision) }),
    // Several labels may hold of a picture: the sigmoid of a logit is the probability of its label.
    ...(thresholds && { task: 'labels', activation: 'sigmoid', thresholds: JSON.stringify(thresholds) }),
    ...(weights !== null && { weights }),
    ...(source !== null && { source }),
    ...(licence !== null && { licence }),
  };
}

async function asOnnx(source: Exported, options: TargetOptions): Promise<Written> {
  const { shapes, values, preprocessing, thresholds } = source;
  const { inputSize } = preprocessing;
  const { opset, softmax = false, withPreprocessing: normalises = false } = options;
  if (softmax && thresholds)
    throw new UserError(
      '--softmax makes shares of classes of which one is right, and of these labels several may hold; leave it out: the sigmoid of a logit is the probability of its label',
    );
  const { tessera: version } = versions();
  const metadata = { ...metadataOf(source), 'tessera.version': version! };
  const model = await onnxModel(shapes, {
    shape: [...heightWidth(inputSize), 3],
    softmax,
    metadata,
    version: version!,
    ...(opset !== undefined && { opset }),
    ...(normalises && { preprocessing }),
    valuesOf: (name) => values.get(name)?.data,
  });
  const several = thresholds && { thresholds };
  const runner = { preprocessing, normalises, softmax, ...several };
  const { classes } = source;
  return {
    bytes: await onnxBytes(model),
    beside: [
      { suffix: '.py', text: pythonForOnnx(runner), run: 'python' },
      { suffix: '.mjs', text: nodeForOnnx(runner), run: 'node' },
      {
        suffix: '.json',
        text: `${JSON.stringify({ classes, preprocessing, ...(several && { task: 'labels', ...several }) })}\n`,
      },
    ],
    notes: [],
  };
}

async function asTorch(
  to: 'pth' | 'safetensors',
  source: Exported,
  { names }: TargetOptions,
): Promise<Written> {
  const { shapes, values, network, classes, preprocessing, thresholds, known } = source;
  const spec = shapes.spec!;
  const library = libraryFor(network, spec.options, ownStyle(shapes)?.style, names);
  const own = await torchState(shapes, (name) => values.get(name)!.data);
  const tensors: StateDict = library ? underNames(own, shapes, library.style) : own;
  const task = thresholds ? ('labels' as const) : null;
  const card = { ...known.card, model: spec, preprocessing, classes, task };
  const metadata = { format: 'pt', ...cardMetadata(card), ...metadataOf(source) };
  const bytes = to === 'pth' ? writeTorch(tensors, metadata) : writeSafetensors(tensors, metadata);
  if (!library)
    return {
      bytes,
      beside: [],
      notes: [
        `Neither torchvision nor timm has ${spec.name} with these weights' padding and epsilon, so the file has Tessera's own names, and no program lies beside it; --to onnx runs anywhere.`,
      ],
    };
  const runner = { preprocessing, ...(thresholds && { thresholds }) };
  const text = pythonForTorch(runner, to, library, classes.length);
  return {
    bytes,
    beside: [{ suffix: '.py', text, run: 'python' }],
    notes: [`${library.library} takes it: ${library.build(classes.length)}.load_state_dict(…)`],
  };
}
