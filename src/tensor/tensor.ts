/**
 * `Tensor`: a shape over a buffer on a device. Ops are functions (`relu(conv2d(x, w))`), not methods, so that this
 * file knows no kernel.
 *
 * Several tensors may share one `Storage` (reshape, and what autograd saves for the backward pass); its buffer goes
 * back to the pool with the last of them.
 */
import type { BufferKind, Device, PooledBuffer } from '../gpu/index.ts';
import { unpackHalves } from './halves.ts';
import { formatTensor } from './print.ts';
import { register } from './recording.ts';
import { checkShape, type Shape, show, sizeOf } from './shape.ts';

export type DataType = 'float32' | 'int32' | 'uint32';
export type TypedArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array } as const;

/** What a tensor knows of how it was computed; autograd.ts, which knows tensors, holds the rest. */
export interface History {
  /** One user fewer; the last one frees what was saved for the backward pass. */
  unref(): void;
  /** Gradients of the inputs from that of the output. */
  run(dy: Tensor): (Tensor | null)[];
}

type Differentiate = (root: Tensor, gradient?: Tensor) => void;

let differentiate: Differentiate;

/** Gives `Tensor.backward` its meaning. Called once, by autograd.ts: imports go one way, from there to here. */
export function differentiateBy(backward: Differentiate): void {
  differentiate = backward;
}

/**
 * A buffer shared by tensors, with the count of those that use it. In its place there may be one with the values in 16 bits
 * (halves.ts), until anyone asks for the buffer: whatever writes to a tensor does, and so there is never more than one truth.
 */
export class Storage {
  private references = 1;

  constructor(
    readonly device: Device,
    private held: PooledBuffer,
    /** How many values it holds, where it holds halves. */
    private packed = 0,
  ) {}

  /** The buffer of whole values: of halves it is made now, and they are given back. */
  get buffer(): PooledBuffer {
    const { device, held, packed } = this;
    if (packed === 0) return held;
    const whole = device.take(4 * packed, held.kind);
    unpackHalves(device, held, whole, packed);
    device.pool.release(held);
    this.packed = 0;
    this.held = whole;
    return whole;
  }

  /** The buffer of halves, null where there are whole values. */
  get halves(): PooledBuffer | null {
    return this.packed > 0 ? this.held : null;
  }

  /** Has halves in place of what it holds. */
  pack(halves: Uint16Array<ArrayBuffer>): void {
    const { device, held } = this;
    const packed = device.take(halves.byteLength, held.kind);
    device.commands.write(packed, halves);
    device.pool.discard(held);
    this.packed = halves.length;
    this.held = packed;
  }

  get shared(): boolean {
    return this.references > 1;
  }

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references === 0) this.device.pool.release(this.held);
  }
}

/** What a tensor gives back at its end. Apart from the tensor, since a collected one cannot be asked any more. */
interface Holdings {
  readonly storage: Storage;
  node: History | null;
}

/** Frees what tensors held that no scope frees and that nobody refers to any more. */
const collected = new FinalizationRegistry<Holdings>(release);

function release({ storage, node }: Holdings): void {
  node?.unref();
  storage.release();
}

export class Tensor {
  /** The gradient of the last `backward()`, summed over calls until it is reset; null before. */
  grad: Tensor | null = null;
  /** Applied to a gradient before it is added to `grad` (gradient masks). */
  gradHook: ((gradient: Tensor) => Tensor) | null = null;
  private readonly holdings: Holdings;
  private disposed = false;
  private watched = false;

  constructor(
    storage: Storage,
    readonly shape: Shape,
    readonly dtype: DataType = 'float32',
    /** Leaves only: `backward()` fills `grad`. */
    public requiresGrad = false,
    /** Handles that autograd or a module owns are freed by their owner, not by a scope. */
    owned = false,
  ) {
    this.holdings = { storage, node: null };
    if (!owned && !register(this)) this.watch();
  }

  get device(): Device {
    return this.storage.device;
  }

  private get storage(): Storage {
    return this.holdings.storage;
  }

  /** What computed this tensor, where a gradient may have to go back through it. */
  get node(): History | null {
    return this.holdings.node;
  }

  set node(node: History | null) {
    this.holdings.node = node;
  }

  /** Has the garbage collector free this tensor: for those that no scope frees. */
  watch(): void {
    if (this.watched) return;
    this.watched = true;
    collected.register(this, this.holdings, this);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** Whether a gradient flows to or through this tensor. */
  get needsGrad(): boolean {
    return this.requiresGrad || this.node !== null;
  }

  /** Whether another tensor uses the same memory. */
  get shared(): boolean {
    return this.storage.shared;
  }

  /** The buffer for a dispatch. Throws after `dispose()`. */
  get buffer(): PooledBuffer {
    return this.usable().buffer;
  }

  /** The buffer of `writeHalves`, for a kernel that reads it; null where the tensor holds whole values. */
  get halves(): PooledBuffer | null {
    return this.usable().halves;
  }

  private usable(): Storage {
    if (this.disposed)
      throw new Error(
        `a tensor of shape ${show(this.shape)} was used after it was freed; return it from its scope or keep() it`,
      );
    return this.storage;
  }

  /** Another tensor over the same memory, without gradient history. `owned`: the caller frees it, no scope does. */
  alias(shape: Shape = this.shape, owned = false): Tensor {
    return new Tensor(this.usable().retain(), shape, this.dtype, false, owned);
  }

  /** The same values without gradient history. */
  detach(): Tensor {
    return this.alias();
  }

  /** Copies the values from the GPU. Waits for everything recorded before. */
  async data(): Promise<TypedArray> {
    const bytes = await this.device.read(this.buffer, 4 * this.size);
    return new ARRAYS[this.dtype](bytes);
  }

  /** The value of a tensor of one element. The copy is enqueued when this is called. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new RangeError(`item: ${show(this.shape)} holds ${this.size} values, not one`);
    return (await this.data())[0]!;
  }

  /** What it is, without its values: `Tensor [2, 3] float32 on llvmpipe`. Waits for nothing; see `print`. */
  toString(): string {
    const { description, device, vendor } = this.device.info;
    const notes = [...(this.needsGrad ? ['with gradient'] : []), ...(this.disposed ? ['freed'] : [])];
    const what = `Tensor ${show(this.shape)} ${this.dtype} on ${description || device || vendor || 'the GPU'}`;
    return [what, ...notes].join(', ');
  }

  /** What Node's console.log shows, in place of the fields. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** Copies the values from the GPU and logs them as PyTorch prints a tensor, large ones in extracts. */
  async print(): Promise<void> {
    const integers = this.dtype !== 'float32';
    const suffixes = [
      ...(integers ? [`dtype=${this.dtype}`] : []),
      ...(this.requiresGrad ? ['requiresGrad=true'] : []),
    ];
    console.log(formatTensor(await this.data(), this.shape, { integers, suffixes }));
  }

  /**
   * Overwrites the values, in order with everything recorded before and after. Numbers of another type are converted.
   * @throws RangeError where their number is another, or one of them is no number of this tensor's type
   */
  write(data: ArrayLike<number>): void {
    if (data.length !== this.size)
      throw new RangeError(`write: ${data.length} values for a tensor of shape ${show(this.shape)}`);
    this.device.commands.write(this.buffer, valuesOf('write', data, this.dtype));
  }

  /**
   * Overwrites the values with those that `packHalves` packed, a multiple of four, and keeps them so, until anyone but a
   * kernel that reads halves asks for them: they are then unpacked, once, exactly.
   */
  writeHalves(packed: Uint16Array<ArrayBuffer>): void {
    if (packed.length !== this.size || packed.length % 4 !== 0)
      throw new RangeError(`writeHalves: ${packed.length} values for a tensor of shape ${show(this.shape)}`);
    this.usable().pack(packed);
  }

  /** Computes the gradient of this scalar with respect to every leaf that requires one. */
  backward(gradient?: Tensor): void {
    differentiate(this, gradient);
  }

  /** Whether `dispose()` or a scope gave the memory back. */
  get freed(): boolean {
    return this.disposed;
  }

  /** Gives the memory back before its scope ends. Freeing twice is harmless. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    if (this.watched) collected.unregister(this);
    release(this.holdings);
    this.node = null;
  }
}

let defaultDevice: Device | null = null;

/** The device that `tensor` and `createModel` use where none is named. */
export function setDefaultDevice(device: Device): void {
  defaultDevice = device;
}

export function getDefaultDevice(): Device {
  if (!defaultDevice) throw new Error('no device is open; call `await openDevice()` first');
  return defaultDevice;
}

export interface TensorOptions {
  device?: Device;
  requiresGrad?: boolean;
  dtype?: DataType;
  kind?: BufferKind;
  /** No scope frees it: parameters, running statistics, optimiser state. */
  owned?: boolean;
}

/**
 * A tensor from values (row-major); int32 or uint32 where they are an Int32Array or Uint32Array, else float32.
 * Throws where their number does not fit the shape, where integers are asked for and a value is none, and where integers
 * are to have a gradient.
 */
export function tensor(data: ArrayLike<number>, shape: Shape, options: TensorOptions = {}): Tensor {
  checkShape('tensor', shape);
  if (data.length !== sizeOf(shape))
    throw new RangeError(`tensor: ${data.length} values do not fill the shape ${show(shape)}`);
  const device = options.device ?? getDefaultDevice();
  const dtype =
    options.dtype ??
    (data instanceof Int32Array ? 'int32' : data instanceof Uint32Array ? 'uint32' : 'float32');
  const values = valuesOf('tensor', data, dtype);
  const result = empty(device, shape, { ...options, dtype });
  result.write(values);
  return result;
}

/** `data` as values of a type, itself where it is that already. Integers are not cut out of what is none. */
function valuesOf(what: string, data: ArrayLike<number>, dtype: DataType): TypedArray {
  const array = ARRAYS[dtype];
  if (data instanceof array && data.buffer instanceof ArrayBuffer) return data as TypedArray;
  const values = new array(data);
  if (dtype === 'float32') return values;
  const wrong = values.findIndex((value, index) => value !== data[index]);
  if (wrong >= 0) throw new RangeError(`${what}: value ${wrong} is ${data[wrong]}, which is no ${dtype}`);
  return values;
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return tensor(new Float32Array(sizeOf(shape)), shape, options);
}

/** A tensor whose values are still to be written by a kernel. */
export function empty(device: Device, shape: Shape, options: Omit<TensorOptions, 'device'> = {}): Tensor {
  const { dtype = 'float32', requiresGrad, owned } = options;
  if (requiresGrad && dtype !== 'float32')
    throw new TypeError(`a tensor of ${dtype} can have no gradient; those of float32 can`);
  const buffer = device.take(4 * sizeOf(shape), options.kind ?? 'activation');
  const result = new Tensor(new Storage(device, buffer), shape, dtype, requiresGrad, owned);
  if (owned) result.watch();
  return result;
}
