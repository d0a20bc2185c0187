/**
 * ONNX's messages as plain data, as far as exports need them, and their fields by name, number and type:
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. node/onnx-file.ts writes what follows this table.
 */

/** The element types of tensors that exports have (TensorProto.DataType). */
export const ELEMENT = { float: 1, uint8: 2, int64: 7 } as const;

/** AttributeProto.AttributeType. */
const KIND = { float: 1, int: 2, string: 3, ints: 7 } as const;

export interface TensorProto {
  dims: readonly number[];
  data_type: number;
  name: string;
  /** Little-endian, row-major. */
  raw_data: Uint8Array;
}

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: readonly number[];
}

export interface NodeProto {
  input: string[];
  output: string[];
  name: string;
  op_type: string;
  attribute: readonly AttributeProto[];
}

interface Dimension {
  dim_value?: number;
  dim_param?: string;
}

export interface ValueInfoProto {
  name: string;
  type: { tensor_type: { elem_type: number; shape: { dim: readonly Dimension[] } } };
}

export interface GraphProto {
  node: readonly NodeProto[];
  name: string;
  initializer: readonly TensorProto[];
  input: readonly ValueInfoProto[];
  output: readonly ValueInfoProto[];
}

export interface ModelProto {
  ir_version: number;
  producer_name: string;
  producer_version: string;
  graph: GraphProto;
  opset_import: readonly { domain: string; version: number }[];
  metadata_props: readonly { key: string; value: string }[];
}

/** How a field is written: a scalar of protobuf, or the name of a message. */
export type FieldType = 'int64' | 'int32' | 'float' | 'string' | 'bytes' | keyof typeof MESSAGES;

/** [number, type] of a field; `many` where it is repeated. */
export type Field = readonly [number: number, type: string, many?: 'many'];

/** The fields of each message, in the order in which they are written. */
export const MESSAGES = {
  ModelProto: {
    ir_version: [1, 'int64'],
    producer_name: [2, 'string'],
    producer_version: [3, 'string'],
    graph: [7, 'GraphProto'],
    opset_import: [8, 'OperatorSetIdProto', 'many'],
    metadata_props: [14, 'StringStringEntryProto', 'many'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  GraphProto: {
    node: [1, 'NodeProto', 'many'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto', 'many'],
    input: [11, 'ValueInfoProto', 'many'],
    output: [12, 'ValueInfoProto', 'many'],
  },
  NodeProto: {
    input: [1, 'string', 'many'],
    output: [2, 'string', 'many'],
    name: [3, 'string'],
    op_type: [4, 'string'],
    attribute: [5, 'AttributeProto', 'many'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    ints: [8, 'int64', 'many'],
    type: [20, 'int32'],
  },
  TensorProto: {
    dims: [1, 'int64', 'many'],
    data_type: [2, 'int32'],
    name: [8, 'string'],
    raw_data: [9, 'bytes'],
  },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensor_type: [1, 'TypeProto.Tensor'] },
  'TypeProto.Tensor': { elem_type: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TensorShapeProto: { dim: [1, 'Dimension', 'many'] },
  Dimension: { dim_value: [1, 'int64'], dim_param: [2, 'string'] },
} as const satisfies Record<string, Record<string, Field>>;

/** An attribute of a node as it is given: a whole number is an int, `{ float }` a float. */
export type AttributeValue = number | string | readonly number[] | { readonly float: number };

export function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return { name, i: value, type: KIND.int };
  if (typeof value === 'string') return { name, s: new TextEncoder().encode(value), type: KIND.string };
  if ('float' in value) return { name, f: value.float, type: KIND.float };
  return { name, ints: value, type: KIND.ints };
}

/** The bytes of numbers, as `raw_data` has them. */
export function rawBytes({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A tensor's type, each axis a size or a name. */
export function valueInfo(
  name: string,
  elem_type: number,
  shape: readonly (number | string)[],
): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }));
  return { name, type: { tensor_type: { elem_type, shape: { dim } } } };
}
