/**
 * A graph of ONNX as it grows, and how it holds what the engine computes. The engine's pictures are [N, H, W, C], ONNX's
 * [N, C, H, W]; they are held in ONNX's order from the first node to the last, and nothing is transposed in between:
 *
 *   rank 4              'channels first'   [N, C, H, W]
 *   flattened pictures  { flattened }      [N, C·H·W]: a linear layer behind it has its weight's rows put in that order
 *   all else            'rows'             as the engine has it
 *
 * Only an op that needs the engine's own order of a picture's values (a reshape that is no flatten) gets them transposed.
 */
import type { Shape } from '../../tensor/index.ts';
import { show, sizeOf } from '../../tensor/index.ts';
import type { Value } from '../trace.ts';
import {
  type AttributeValue,
  attribute,
  ELEMENT,
  type NodeProto,
  rawBytes,
  type TensorProto,
} from './model.ts';

export type Order =
  | 'rows'
  | 'channels first'
  | { readonly flattened: readonly [height: number, width: number, channels: number] };

/** A value of the engine in the graph: under which name, and in which order. */
export interface Held {
  name: string;
  order: Order;
}

/** Of the axes of [N, C, H, W], those of [N, H, W, C]; and the other way round. */
export const TO_CHANNELS_FIRST = [0, 3, 1, 2] as const;
export const TO_CHANNELS_LAST = [0, 2, 3, 1] as const;

/** The shape of a picture as ONNX has it. */
export const channelsFirst = (shape: Shape): number[] => TO_CHANNELS_FIRST.map((axis) => shape[axis]!);

/** What cannot be exported. @throws Error, a sentence that names the op and says what to do */
export function refuse(op: string, what: string): never {
  throw new Error(`export to onnx: ${op} ${what}`);
}

export class Graph {
  nodes: NodeProto[] = [];
  readonly initializers = new Map<string, TensorProto>();
  private readonly names = new Set<string>();
  private readonly values = new Map<Value, Held>();

  constructor(
    readonly opset: number,
    private readonly constants: Map<Value, Float32Array>,
  ) {}

  /** A node of one output, whose name it returns. @param base what the node is called */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    base = type.toLowerCase(),
  ): string {
    const name = this.unique(base);
    this.nodes.push({
      input: [...inputs],
      output: [name],
      name,
      op_type: type,
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    return name;
  }

  /** A tensor that the graph carries; its name. */
  tensor(base: string, dims: readonly number[], data: Float32Array | BigInt64Array): string {
    const name = this.unique(base);
    const data_type = data instanceof Float32Array ? ELEMENT.float : ELEMENT.int64;
    this.initializers.set(name, { dims, data_type, name, raw_data: rawBytes(data) });
    return name;
  }

  /** Whole numbers that a node takes as an input: axes, a shape. */
  integers(base: string, values: readonly number[]): string {
    return this.tensor(base, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A number that a node takes as an input. */
  scalar(base: string, value: number): string {
    return this.tensor(base, [], Float32Array.of(value));
  }

  /** A name that nothing in the graph has. */
  unique(base: string): string {
    let name = base;
    for (let index = 1; this.names.has(name); index++) name = `${base}_${index}`;
    this.names.add(name);
    return name;
  }

  /** The values of a constant. @throws Error where it is computed: `what` of `op` */
  data(value: Value, op: string, what: string): Float32Array {
    return (
      this.constants.get(value) ??
      refuse(
        op,
        `has ${what} that the forward pass computes; make it a parameter, which an export can write down`,
      )
    );
  }

  isConstant(value: Value): boolean {
    return this.constants.has(value);
  }

  /** A value that is a constant of these numbers. */
  putConstant(value: Value, data: Float32Array): void {
    this.constants.set(value, data);
  }

  /** A value of the engine from now on. */
  put(value: Value, held: Held): void {
    this.values.set(value, held);
  }

  /** How a value is held. */
  held(value: Value): Held {
    const known = this.values.get(value);
    if (known) return known;
    const data = this.constants.get(value);
    if (!data) throw new Error(`export to onnx: ${value.name} is read before it is computed`);
    const { shape, name } = value;
    const picture = shape.length === 4;
    const held: Held = {
      name: picture
        ? this.tensor(name, channelsFirst(shape), transposed(data, shape))
        : this.tensor(name, shape, data),
      order: picture ? 'channels first' : 'rows',
    };
    this.values.set(value, held);
    return held;
  }

  /** The name of a picture, [N, C, H, W]. */
  picture(value: Value, op: string): string {
    const { name, order } = this.held(value);
    if (order !== 'channels first') refuse(op, `takes pictures [N, H, W, C], not ${show(value.shape)}`);
    return name;
  }

  /** The name of a value in the engine's own shape and order. */
  rows(value: Value): string {
    const { shape } = value;
    const { name, order } = this.held(value);
    if (order === 'rows') return name;
    if (order === 'channels first') return this.node('Transpose', [name], { perm: [...TO_CHANNELS_LAST] });
    const [height, width, channels] = order.flattened;
    const pictures = this.reshaped(name, [channels, height, width]);
    const last = this.node('Transpose', [pictures], { perm: [...TO_CHANNELS_LAST] });
    return this.reshaped(last, shape.slice(1));
  }

  /** The name of a value whose numbers lie in the engine's order, in whatever shape. */
  memory(value: Value): string {
    const { name, order } = this.held(value);
    const stays = order === 'channels first' && ordersAgree(value.shape);
    return stays ? name : this.rows(value);
  }

  /** Calls what the node `from` gives `to`. */
  rename(from: string, to: string): void {
    const called = (name: string): string => (name === from ? to : name);
    for (const node of this.nodes) {
      node.input = node.input.map(called);
      node.output = node.output.map(called);
    }
  }

  /** `name` as [N, …rest], N being what it was. */
  reshaped(name: string, rest: readonly number[]): string {
    return this.node('Reshape', [name, this.integers('shape', [0, ...rest])]);
  }

  /** What nothing in the graph reads any more goes. */
  prune(): void {
    const read = new Set(this.nodes.flatMap(({ input }) => input));
    for (const name of [...this.initializers.keys()]) if (!read.has(name)) this.initializers.delete(name);
  }
}

/** Whether a picture's numbers lie alike in both orders: there is one pixel, or one channel. */
export function ordersAgree(shape: Shape): boolean {
  const [, height, width, channels] = shape as [number, number, number, number];
  return height * width === 1 || channels === 1;
}

/** [N, H, W, C] → [N, C, H, W]. */
function transposed(data: Float32Array, shape: Shape): Float32Array {
  const [pictures, height, width, channels] = shape as [number, number, number, number];
  const pixels = height * width;
  const result = new Float32Array(sizeOf(shape));
  for (let n = 0; n < pictures; n++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let c = 0; c < channels; c++)
        result[(n * channels + c) * pixels + pixel] = data[(n * pixels + pixel) * channels + c]!;
  return result;
}
