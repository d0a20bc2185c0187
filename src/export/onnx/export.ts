/**
 * A network as a model of ONNX: traced (../trace.ts), written down op by op (table.ts), norms folded (fold.ts).
 *
 *   input     'input' [N, C, H, W] float32, normalised; or 'pictures' [N, H, W, 3] uint8, which the graph normalises
 *   output    'logits' [N, classes]; or 'probabilities', their softmax
 *
 * N is any number, height and width are fixed.
 */
import type { Preprocessing } from '../../data/transforms.ts';
import type { Module } from '../../nn/index.ts';
import { type Shape, show } from '../../tensor/index.ts';
import { InputError } from '../../text/input-error.ts';
import { traceModel, type Value } from '../trace.ts';
import { foldNorms } from './fold.ts';
import { channelsFirst, Graph } from './graph.ts';
import { ELEMENT, type ModelProto, valueInfo } from './model.ts';
import { addOp } from './table.ts';

/** IR versions by opset, as the release of ONNX that first had the opset writes them. */
const IR_VERSIONS: Readonly<Record<number, number>> = {
  13: 7,
  14: 7,
  15: 8,
  16: 8,
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
  22: 10,
  23: 11,
  24: 12,
  25: 13,
};
const OPSETS = Object.keys(IR_VERSIONS).map(Number);
/** The opsets that can be written, the first and the last. */
export const OPSET_RANGE = [OPSETS[0]!, OPSETS.at(-1)!] as const;
/** What runtimes since 2022 take. */
export const DEFAULT_OPSET = 17;

export interface OnnxOptions {
  /** Height, width and channels of the pictures. */
  shape: Shape;
  /** Version of the operator set; 17 by default. */
  opset?: number;
  /** The result is probabilities, not logits. */
  softmax?: boolean;
  /** The graph takes pictures of 8 bits and normalises them so. */
  preprocessing?: Pick<Preprocessing, 'mean' | 'std'>;
  /** What stands in the file beside the graph: keys and texts. */
  metadata?: Readonly<Record<string, string>>;
  /** Batch norms stay nodes of their own, which a program that trains the graph needs; by default they are folded. */
  keepNorms?: boolean;
  /** Of the program that writes. */
  version?: string;
  /** The values of a parameter, in the engine's layout; those on the model's device by default. */
  valuesOf?: (name: string) => Float32Array | undefined;
}

/**
 * The model of a network in evaluation mode.
 * @throws RangeError for an opset that cannot be written; Error, a sentence, where an op has no row in the table
 */
export async function onnxModel(model: Module, options: OnnxOptions): Promise<ModelProto> {
  const { shape, opset = DEFAULT_OPSET, preprocessing, metadata = {}, version = '' } = options;
  const ir = IR_VERSIONS[opset];
  if (ir === undefined)
    throw new RangeError(`opset ${opset} cannot be written; those from ${OPSET_RANGE.join(' to ')} can`);
  if (preprocessing && shape[2] !== 3)
    throw new RangeError(`preprocessing is for pictures of 3 channels, not of ${shape[2]}`);
  const trace = traceModel(model, shape);
  try {
    const constants = new Map<Value, Float32Array>();
    for (const value of trace.constants)
      constants.set(value, options.valuesOf?.(value.name) ?? (await valuesOn(value)));
    const graph = new Graph(opset, constants);
    const input = graph.unique(preprocessing ? 'pictures' : 'input');
    const output = graph.unique(options.softmax ? 'probabilities' : 'logits');
    graph.put(trace.input, {
      name: preprocessing ? normalised(graph, input, preprocessing) : input,
      order: 'channels first',
    });
    for (const op of trace.ops) addOp(op, graph);
    const result = graph.rows(trace.output);
    if (!options.keepNorms) foldNorms(graph, result);
    const last = options.softmax ? graph.node('Softmax', [result], { axis: -1 }) : result;
    const computed = graph.nodes.some((node) => node.output[0] === last);
    graph.rename(computed ? last : graph.node('Identity', [last]), output);
    graph.prune();
    const [picture, type] = preprocessing
      ? [shape, ELEMENT.uint8]
      : [channelsFirst([1, ...shape]).slice(1), ELEMENT.float];
    return {
      ir_version: ir,
      producer_name: 'Tessera',
      producer_version: version,
      opset_import: [{ domain: '', version: opset }],
      graph: {
        name: metadata.model ?? 'network',
        node: graph.nodes,
        initializer: [...graph.initializers.values()],
        input: [valueInfo(input, type, ['N', ...picture])],
        output: [valueInfo(output, ELEMENT.float, ['N', ...trace.output.shape.slice(1)])],
      },
      metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    };
  } finally {
    trace.release();
  }
}

/** The values of a constant, from its device. */
async function valuesOn({ constant, name, shape }: Value): Promise<Float32Array> {
  if (constant!.dtype !== 'float32')
    throw new InputError(
      `export to onnx: ${name} ${show(shape)} is ${constant!.dtype}, and only float32 is written; make it a parameter of float32`,
    );
  return (await constant!.data()) as Float32Array;
}

/** (pixel / 255 − mean) / std of pictures [N, H, W, 3] of 8 bits, with PyTorch's three roundings; [N, 3, H, W]. */
function normalised(
  graph: Graph,
  pictures: string,
  { mean, std }: Pick<Preprocessing, 'mean' | 'std'>,
): string {
  const channels = (base: string, values: readonly number[]): string =>
    graph.tensor(base, [values.length, 1, 1], Float32Array.from(values));
  const floats = graph.node('Cast', [pictures], { to: ELEMENT.float });
  const first = graph.node('Transpose', [floats], { perm: [0, 3, 1, 2] });
  const unit = graph.node('Div', [first, graph.scalar('white', 255)]);
  const centred = graph.node('Sub', [unit, channels('mean', mean)]);
  return graph.node('Div', [centred, channels('std', std)], {}, 'normalised');
}
