/**
 * The bytes of an ONNX model: its messages (../onnx/model.ts) in protobuf, by @bufbuild/protobuf's writer, which is loaded
 * where something is exported and not before.
 */
import type { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Field, MESSAGES, type ModelProto } from '../onnx/model.ts';

type Fields = Readonly<Record<string, Field>>;
type Wire = typeof WireType;

/** How the scalars of the table are written. */
const SCALARS: Readonly<
  Record<string, (writer: BinaryWriter, wire: Wire, field: number, value: never) => unknown>
> = {
  int64: (writer, { Varint }, field, value) => writer.tag(field, Varint).int64(value),
  int32: (writer, { Varint }, field, value) => writer.tag(field, Varint).int32(value),
  float: (writer, { Bit32 }, field, value) => writer.tag(field, Bit32).float(value),
  string: (writer, { LengthDelimited }, field, value) => writer.tag(field, LengthDelimited).string(value),
  bytes: (writer, { LengthDelimited }, field, value) => writer.tag(field, LengthDelimited).bytes(value),
};

/** The file of a model. */
export async function onnxBytes(model: ModelProto): Promise<Uint8Array> {
  const { BinaryWriter, WireType } = await import('@bufbuild/protobuf/wire');
  const writer = new BinaryWriter();
  write(writer, WireType, MESSAGES.ModelProto, model as unknown as Record<string, unknown>);
  return writer.finish();
}

/** The fields of a message that are set, in the table's order. */
function write(writer: BinaryWriter, wire: Wire, fields: Fields, message: Record<string, unknown>): void {
  for (const [name, [field, type, many]] of Object.entries(fields)) {
    const value = message[name];
    if (value === undefined) continue;
    for (const one of many ? (value as readonly unknown[]) : [value]) {
      const scalar = SCALARS[type];
      if (scalar) scalar(writer, wire, field, one as never);
      else {
        writer.tag(field, wire.LengthDelimited).fork();
        write(writer, wire, MESSAGES[type as keyof typeof MESSAGES], one as Record<string, unknown>);
        writer.join();
      }
    }
  }
}
