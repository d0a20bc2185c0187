/**
 * TensorBoard's event files: records of TFRecord, each a `tensorflow.Event` in protobuf.
 *
 *   record   uint64 length, uint32 masked CRC of it, the bytes, uint32 masked CRC of them; all little-endian
 *   Event    1 wall_time (double, seconds)   2 step (int64)   3 file_version   5 summary   7 session_log
 *   Summary  1 value, repeated: 1 tag   2 simple_value (float)
 *
 * tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
 */
import type { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** What an event holds beside its time. */
export interface TensorBoardEvent {
  step?: number;
  /** The first event of a file says `brain.Event:2`. */
  fileVersion?: string;
  /** [tag, value], the tag with a slash where TensorBoard is to group. */
  scalars?: readonly (readonly [tag: string, value: number])[];
  /** A run that goes on: what files before have of `step` and later does not count. */
  restart?: boolean;
}

/** Makes a record of a file of an event. @param wallTime seconds since 1970 */
export type EventRecord = (wallTime: number, event: TensorBoardEvent) => Uint8Array;

/** Loads the library that writes protobuf, which runs without TensorBoard do not wait for. */
export async function openEventRecord(): Promise<EventRecord> {
  const { BinaryWriter, WireType } = await import('@bufbuild/protobuf/wire');
  return (wallTime, event) => record(eventBytes(new BinaryWriter(), WireType, wallTime, event));
}

function eventBytes(
  event: BinaryWriter,
  { Varint, Bit64, LengthDelimited, Bit32 }: typeof WireType,
  wallTime: number,
  { step, fileVersion, scalars, restart }: TensorBoardEvent,
): Uint8Array {
  event.tag(1, Bit64).double(wallTime);
  if (step !== undefined) event.tag(2, Varint).int64(step);
  if (fileVersion !== undefined) event.tag(3, LengthDelimited).string(fileVersion);
  if (scalars) {
    event.tag(5, LengthDelimited).fork();
    for (const [tag, value] of scalars) {
      event.tag(1, LengthDelimited).fork();
      event.tag(1, LengthDelimited).string(tag).tag(2, Bit32).float(value);
      event.join();
    }
    event.join();
  }
  if (restart) {
    const [status, start] = [1, 1];
    event.tag(7, LengthDelimited).fork().tag(status, Varint).int32(start).join();
  }
  return event.finish();
}

function record(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(8 + 4 + bytes.length + 4);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, masked(crc32c(framed.subarray(0, 8))), true);
  framed.set(bytes, 12);
  view.setUint32(12 + bytes.length, masked(crc32c(bytes)), true);
  return framed;
}

/** A CRC of bytes that hold CRCs themselves would be weak, so TFRecord turns and shifts it. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** Castagnoli's polynomial, its bits in reverse. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), as iSCSI and TFRecord have it. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
