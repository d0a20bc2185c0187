/**
 * What `torch.save(state_dict, path)` writes, so that `torch.load(path, weights_only=True)` reads it: a zip file with a
 * pickle of an OrderedDict of tensors, and each tensor's bytes in an entry of its own.
 *
 *   archive/data.pkl     {name: torch._utils._rebuild_tensor_v2(storage KEY, 0, shape, stride, False, OrderedDict())}
 *   archive/byteorder    little
 *   archive/data/KEY     bytes
 *   archive/version      3
 *   archive/extra/…      metadata, an object of strings in JSON: what safetensors has in its header. PyTorch passes it over
 *
 * The pickle is protocol 2, of the opcodes that PyTorch's restricted reader takes (torch/_weights_only_unpickler.py), and
 * names nothing but what is above. Which storages there are: torch/storage.py.
 */
import { type DType, elementCount, type StateDict } from './state.ts';
import { writeZip } from './zip-write.ts';

const STORAGES: Readonly<Record<DType, string>> = {
  float64: 'DoubleStorage',
  float32: 'FloatStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
};

/** The entry of a .pth file that holds metadata, in the folder of the archive. */
export const METADATA = 'extra/metadata.json';

/** The bytes of a .pth file with these tensors, in their order. */
export function writeTorch(tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const entries = new Map<string, Uint8Array>([
    ['archive/data.pkl', pickled(tensors)],
    ['archive/byteorder', text('little')],
  ]);
  for (const [index, { bytes }] of [...tensors.values()].entries())
    entries.set(`archive/data/${index}`, bytes);
  if (Object.keys(metadata).length > 0) entries.set(`archive/${METADATA}`, text(JSON.stringify(metadata)));
  return writeZip(entries.set('archive/version', text('3\n')));
}

/** The pickle of the dictionary; storages are called by their place in it. */
function pickled(tensors: StateDict): Uint8Array {
  const pickle = new Pickle();
  pickle.emptyDictionary().mark();
  for (const [index, [name, { dtype, shape }]] of [...tensors].entries()) {
    pickle.text(name).global('torch._utils', '_rebuild_tensor_v2').mark();
    pickle.mark().text('storage').global('torch', STORAGES[dtype]);
    pickle.text(String(index)).text('cpu').integer(elementCount(shape)).tuple().persistent();
    pickle.integer(0).integers(shape).integers(stridesOf(shape)).no().emptyDictionary().tuple().reduce();
  }
  return pickle.items().end();
}

/** Row-major. */
const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => elementCount(shape.slice(axis + 1)));

/** Writes a pickle, opcode by opcode (Python's Lib/pickletools.py names them). */
class Pickle {
  private readonly bytes: number[] = [0x80, 2]; // PROTO

  mark = (): this => this.opcode('(');
  tuple = (): this => this.opcode('t');
  reduce = (): this => this.opcode('R');
  persistent = (): this => this.opcode('Q');
  items = (): this => this.opcode('u');
  no = (): this => this.opcode('\x89');

  global(module: string, name: string): this {
    return this.opcode(`c${module}\n${name}\n`);
  }

  emptyDictionary(): this {
    return this.global('collections', 'OrderedDict').opcode(')').reduce();
  }

  text(content: string): this {
    const encoded = new TextEncoder().encode(content);
    return this.opcode('X').littleEndian(encoded.length).raw(encoded);
  }

  integer(value: number): this {
    return this.opcode('J').littleEndian(value);
  }

  integers(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.integer(value);
    return this.tuple();
  }

  end(): Uint8Array {
    return Uint8Array.from(this.opcode('.').bytes);
  }

  private opcode(characters: string): this {
    return this.raw(Uint8Array.from(characters, (character) => character.charCodeAt(0)));
  }

  /** Four bytes. */
  private littleEndian(value: number): this {
    return this.raw(new Uint8Array(Int32Array.of(value).buffer));
  }

  private raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.bytes.push(byte);
    return this;
  }
}
