/**
 * The values that a torch pickle may hold, and the only functions that it may call.
 *
 * A pickle is a program: GLOBAL names any Python function and REDUCE calls it, which is how a "weights" file runs
 * `os.system`. Here a global is looked up in the table below and in nothing else; what the entries do is build a
 * description of a tensor, a dictionary or a plain value. PyTorch's own list for `weights_only=True` is in
 * torch/_weights_only_unpickler.py.
 *
 * Training scripts save more than weights: their arguments (argparse.Namespace), numpy's numbers, dates, enums. Whatever
 * is not in the table is looked up nowhere and called never: it and all that is made with it become one `OpaqueRef`, a
 * name that holds nothing. Only names whose whole use is to run code are refused outright: such a file means harm.
 */

import { shorten, WeightsError } from './error.ts';
import type { DType } from './state.ts';

/** Elements that are not read, of which the size is known: a file is read past them. */
export interface ForeignType {
  name: string;
  itemSize: number;
}

/** 'bytes' is torch.UntypedStorage: the element type comes with the tensor. */
export type StorageType = DType | 'bytes' | ForeignType;

/** A block of bytes outside the pickle, named by the file's own key. `numel` counts elements of `type`. */
export class StorageRef {
  readonly type: StorageType;
  readonly key: string;
  readonly numel: number;
  /** Set for a view of another storage (old files): its own key, and the offset in elements. */
  readonly view: { key: string; offset: number; numel: number } | null;

  constructor(type: StorageType, key: string, numel: number, view: StorageRef['view']) {
    this.type = type;
    this.key = key;
    this.numel = numel;
    this.view = view;
  }
}

/** A tensor as the pickle describes it: strides and offset in elements into a storage. Nothing is checked yet. */
export class TensorRef {
  readonly storage: StorageRef;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];

  constructor(storage: StorageRef, dtype: DType, offset: number, shape: number[], stride: number[]) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

/** An object that only Python could build: what made it, and nothing of what it holds. Nothing was run. */
export class OpaqueRef {
  constructor(readonly name: string) {}
}

type Call = (args: PickleValue[], spend: (work: number) => void) => PickleValue;

/** A name that the pickle looked up in the table: a function, a storage type, or an element type. */
export class GlobalRef {
  readonly name: string;
  readonly call: Call | null;
  readonly storage: StorageType | null;
  readonly dtype: DType | null;

  constructor(name: string, parts: { call?: Call; storage?: StorageType; dtype?: DType }) {
    this.name = name;
    this.call = parts.call ?? null;
    this.storage = parts.storage ?? null;
    this.dtype = parts.dtype ?? null;
  }
}

/** Lists and tuples are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | StorageRef
  | TensorRef
  | GlobalRef
  | OpaqueRef;

/** PyTorch's own limit on dimensions. */
const MAX_DIMENSIONS = 64;

function damaged(what: string): WeightsError {
  return new WeightsError('objects', `is damaged: ${what}.`);
}

/** A whole number ≥ 0 that JavaScript holds exactly. */
export function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A copy of a tuple of counts: the pickle keeps no handle on it, so it cannot change after it was checked. */
function counts(value: PickleValue | undefined, what: string): number[] {
  if (!Array.isArray(value) || value.length > MAX_DIMENSIONS || !value.every(isCount)) {
    throw damaged(`a tensor's ${what} is not a tuple of at most ${MAX_DIMENSIONS} whole numbers`);
  }
  return [...value];
}

/** torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …), and v3 with its dtype. */
function rebuildTensor(args: PickleValue[], dtype?: DType): TensorRef | OpaqueRef {
  const [storage, offset] = args;
  if (storage instanceof OpaqueRef) return storage;
  if (!(storage instanceof StorageRef)) throw damaged('a tensor is built from something that is no storage');
  if (!isCount(offset)) throw damaged("a tensor's offset is not a whole number");
  const shape = counts(args[2], 'shape');
  const stride = counts(args[3], 'stride');
  if (shape.length !== stride.length) {
    throw damaged(`a tensor has ${shape.length} dimensions but ${stride.length} strides`);
  }
  const type = dtype ?? storage.type;
  if (typeof type === 'object') return new OpaqueRef(type.name);
  if (type === 'bytes') throw damaged('a tensor over an untyped storage names no element type');
  return new TensorRef(storage, type, offset, shape, stride);
}

function rebuildTensorV3(args: PickleValue[]): TensorRef | OpaqueRef {
  const dtype = args[6];
  if (dtype instanceof OpaqueRef) return dtype;
  if (!(dtype instanceof GlobalRef) || !dtype.dtype) throw damaged("a tensor's element type is missing");
  return rebuildTensor(args, dtype.dtype);
}

/** A parameter is its tensor; `requires_grad` and hooks are not weights. */
function rebuildParameter(args: PickleValue[]): PickleValue {
  if (args[0] instanceof OpaqueRef) return args[0];
  if (!(args[0] instanceof TensorRef)) throw damaged('a parameter is built from something that is no tensor');
  return args[0];
}

/** torch._tensor._rebuild_from_type_v2(function, type, args, state): calls the function, which is in the table. */
const rebuildFromType: Call = (args, spend) => {
  const [rebuild, , inner] = args;
  if (rebuild instanceof OpaqueRef) return rebuild;
  if (
    !(rebuild instanceof GlobalRef) ||
    !rebuild.call ||
    rebuild.call === rebuildFromType ||
    !Array.isArray(inner)
  ) {
    throw damaged('a tensor subclass is built in an unknown way');
  }
  return rebuild.call(inner, spend);
};

/** OrderedDict() or OrderedDict([(key, value), …]). */
const orderedDict: Call = (args, spend) => {
  const dict = new Map<PickleValue, PickleValue>();
  const items = args[0] ?? [];
  if (items instanceof Map) {
    spend(items.size);
    for (const [key, value] of items) dict.set(key, value);
    return dict;
  }
  if (!Array.isArray(items)) throw damaged('an OrderedDict is built from something that is no list of pairs');
  spend(items.length);
  for (const pair of items) {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw damaged('an OrderedDict holds something that is no pair');
    else dict.set(pair[0], pair[1]);
  }
  return dict;
};

/** defaultdict(factory, items) and Counter(items) are dictionaries; the factory is never called. */
const laterDict =
  (place: number): Call =>
  (args, spend) =>
    orderedDict(args.slice(place), spend);

/** torch.Size(tuple) is the tuple. */
function size(args: PickleValue[]): PickleValue {
  return counts(args[0] ?? [], 'torch.Size');
}

/** Bytes longer than this are an array's, which is opaque. */
const MOST_BYTES = 4096;

/** _codecs.encode(text, 'latin1') is how protocol 2 writes bytes. */
const encodeLatin1: Call = ([text, codec], spend) => {
  const latin1 = codec === 'latin1' || codec === 'latin-1';
  if (typeof text !== 'string' || !latin1 || text.length > MOST_BYTES) return new OpaqueRef('_codecs.encode');
  spend(text.length);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
};

const STORAGE_TYPES: Record<string, DType> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

/** Storages whose elements are not read. */
const FOREIGN_STORAGES: Record<string, number> = {
  ComplexDoubleStorage: 16,
  ComplexFloatStorage: 8,
  QInt32Storage: 4,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
};

/** `module.name` → what it may do here. A Map, so that no name reaches JavaScript's own `constructor` or `__proto__`. */
const ALLOWED: ReadonlyMap<string, GlobalRef> = new Map(
  [
    ...Object.entries(STORAGE_TYPES).map(([name, storage]) => new GlobalRef(`torch.${name}`, { storage })),
    ...Object.entries(FOREIGN_STORAGES).map(
      ([name, itemSize]) => new GlobalRef(`torch.${name}`, { storage: { name: `torch.${name}`, itemSize } }),
    ),
    ...Object.values(STORAGE_TYPES).map((dtype) => new GlobalRef(`torch.${dtype}`, { dtype })),
    new GlobalRef('torch.storage.UntypedStorage', { storage: 'bytes' }),
    new GlobalRef('torch.UntypedStorage', { storage: 'bytes' }),
    new GlobalRef('torch._utils._rebuild_tensor', { call: (args) => rebuildTensor(args) }),
    new GlobalRef('torch._utils._rebuild_tensor_v2', { call: (args) => rebuildTensor(args) }),
    new GlobalRef('torch._utils._rebuild_tensor_v3', { call: rebuildTensorV3 }),
    new GlobalRef('torch._utils._rebuild_parameter', { call: rebuildParameter }),
    new GlobalRef('torch._utils._rebuild_parameter_with_state', { call: rebuildParameter }),
    new GlobalRef('torch._tensor._rebuild_from_type_v2', { call: rebuildFromType }),
    new GlobalRef('torch.nn.parameter.Parameter', { call: rebuildParameter }),
    new GlobalRef('torch.Tensor', {}),
    new GlobalRef('torch.Size', { call: size }),
    new GlobalRef('torch.device', { call: ([name]) => (typeof name === 'string' ? name : null) }),
    new GlobalRef('collections.OrderedDict', { call: orderedDict }),
    new GlobalRef('collections.defaultdict', { call: laterDict(1) }),
    new GlobalRef('collections.Counter', { call: laterDict(0) }),
    new GlobalRef('_codecs.encode', { call: encodeLatin1 }),
  ].map((global) => [global.name, global]),
);

/** Modules that run programs or other people's code, whichever of their names is used. */
const RUNNERS =
  /^(?:os|posix|nt|subprocess|commands|pty|runpy|importlib|imp|sys|ctypes|socket|code|codeop|webbrowser|shutil|pickle|_pickle|cPickle|marshal|torch\.hub|torch\.serialization)(?:\.|$)/;
const BUILTINS =
  /^(?:builtins|__builtin__)\.(?:eval|exec|execfile|compile|__import__|open|input|breakpoint)$/;
const LOADERS = ['torch.load', 'torch.storage._load_from_bytes', 'numpy.load'];

/**
 * Looks a global up: in the table, or it is opaque.
 * @throws WeightsError naming it where it is there to run code
 */
export function resolveGlobal(module: string, name: string): GlobalRef | OpaqueRef {
  const full = `${module}.${name}`;
  const found = ALLOWED.get(full);
  if (found) return found;
  if (!RUNNERS.test(module) && !BUILTINS.test(full) && !LOADERS.includes(full)) return new OpaqueRef(full);
  throw new WeightsError(
    'objects',
    `asks to run ${shorten(full)}, and this reader refuses to run ${shorten(full)}: a weights file may only build ` +
      'tensors, dictionaries and plain values. If you trust where it comes from, load it in PyTorch and save ' +
      'model.state_dict() alone.',
  );
}
