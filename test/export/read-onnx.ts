/** ONNX files as tests read them: the messages of src/export/onnx/model.ts out of bytes, by protobuf's reader. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type Field, MESSAGES, type ModelProto } from '../../src/export/onnx/model.ts';

const SCALARS: Record<string, (reader: BinaryReader) => unknown> = {
  int64: (reader) => Number(reader.int64()),
  int32: (reader) => reader.int32(),
  float: (reader) => reader.float(),
  string: (reader) => reader.string(),
  bytes: (reader) => new Uint8Array(reader.bytes()),
};

/** The model in a file. Throws at a field that the table does not have. */
export function readOnnx(bytes: Uint8Array): ModelProto {
  return message(new BinaryReader(bytes), bytes.length, 'ModelProto') as unknown as ModelProto;
}

function message(reader: BinaryReader, end: number, type: string): Record<string, unknown> {
  const fields = Object.entries(MESSAGES[type as keyof typeof MESSAGES] as Record<string, Field>);
  const result: Record<string, unknown> = {};
  for (const [name, [, , many]] of fields) if (many) result[name] = [];
  while (reader.pos < end) {
    const [number, wire] = reader.tag();
    const found = fields.find(([, [own]]) => own === number);
    if (!found) throw new Error(`${type} has a field ${number} of type ${WireType[wire]}`);
    const [name, [, kind, many]] = found;
    const scalar = SCALARS[kind];
    const value = scalar ? scalar(reader) : nested(reader, kind);
    if (many) (result[name] as unknown[]).push(value);
    else result[name] = value;
  }
  return result;
}

function nested(reader: BinaryReader, type: string): Record<string, unknown> {
  const length = reader.uint32();
  return message(reader, reader.pos + length, type);
}
