/**
 * A network as the ops of one evaluation: what an export is made from. Nothing describes a network twice; it is run once,
 * on a dry device or on its own, and each op is seen with its inputs and what it was told (src/tensor/ops.ts).
 *
 * Values are told apart by tensor, or by buffer where another tensor shares one (`detach`). What an op reads and no op
 * computed is a constant, a parameter most often. A buffer that a dispatch wrote and no op answers for is neither: it came
 * from a kernel without `record`, and a graph without it would be wrong, so it is refused.
 */
import { observing } from '../explain/observing.ts';
import type { Device, PooledBuffer } from '../gpu/index.ts';
import type { Module } from '../nn/index.ts';
import { empty, noGrad, type Shape, scope, show, Tensor, watchingOps } from '../tensor/index.ts';

/** A tensor of the evaluation, with the engine's shape (pictures: [N, H, W, C]). */
export interface Value {
  readonly shape: Shape;
  /** Its name among the network's parameters and statistics, or what it is for. */
  readonly name: string;
  /** Of constants: the tensor that holds it. */
  readonly constant?: Tensor;
}

/** What ops were told, with values in place of tensors. */
export type Told = Readonly<Record<string, unknown>>;

/** An op of the evaluation. */
export interface TracedOp {
  readonly name: string;
  readonly inputs: readonly (Value | null)[];
  readonly output: Value;
  readonly attributes: Told;
}

export interface Trace {
  readonly input: Value;
  readonly ops: readonly TracedOp[];
  readonly output: Value;
  /** Every constant that an op reads. Those that the evaluation made itself are freed by `release`. */
  readonly constants: readonly Value[];
  release(): void;
}

/** Of two, no axis of the pictures' number passes for one that broadcasts. */
const PICTURES = 2;

/**
 * The ops that `model` makes of pictures of `shape`, [height, width, channels], in evaluation mode; its modes and
 * parameters are left as they were.
 * @throws Error where an op reads what a kernel without `record` wrote
 */
export function traceModel(model: Module, shape: Shape): Trace {
  const [first] = [...model.tensors()];
  if (!first) throw new Error('export: a network without a parameter has no device to be evaluated on');
  const { device } = first.tensor;
  return noGrad(() =>
    scope(() => {
      // Its values are nobody's: what is computed of them is thrown away.
      const x = empty(device, [PICTURES, ...shape]);
      const tracer = new Tracer(device, x, namesOf(model));
      try {
        const y = watchingOps(
          (op) => tracer.add(op),
          () => observing(model, () => scope(() => model.forward(x))),
        );
        return tracer.end(y);
      } finally {
        tracer.stop();
      }
    }),
  );
}

function namesOf(model: Module): Map<Tensor, string> {
  return new Map([...model.tensors()].map(({ name, tensor }) => [tensor, name]));
}

class Tracer {
  readonly input: Value;
  readonly stop: () => void;
  private readonly ops: TracedOp[] = [];
  private readonly constants: Value[] = [];
  /** Constants that are no parameters, held until their values are read. */
  private readonly held: Tensor[] = [];
  private readonly byTensor = new Map<Tensor, Value>();
  private readonly byBuffer = new Map<PooledBuffer, Value>();
  /** Buffers that a dispatch or a copy wrote since they were taken. */
  private readonly computed = new Set<PooledBuffer>();

  constructor(
    device: Device,
    input: Tensor,
    private readonly names: ReadonlyMap<Tensor, string>,
  ) {
    this.input = { shape: input.shape, name: 'input' };
    this.put(input, this.input);
    this.stop = device.observe({
      allocate: (buffer) => {
        this.byBuffer.delete(buffer);
        this.computed.delete(buffer);
      },
      write: (buffer, source) => {
        this.byBuffer.delete(buffer);
        if (source) this.computed.add(buffer);
        else this.computed.delete(buffer);
      },
      dispatch: ({ program, bindings }) => {
        program.bindingNames.forEach((name, index) => {
          if (!program.writes[index]) return;
          const bound = bindings[name]!;
          const buffer = 'buffer' in bound ? bound.buffer : bound;
          this.byBuffer.delete(buffer);
          this.computed.add(buffer);
        });
      },
    });
  }

  add({ name, inputs, output, attributes }: Parameters<Parameters<typeof watchingOps>[0]>[0]): void {
    const value: Value = { shape: output.shape, name };
    this.ops.push({
      name,
      inputs: inputs.map((tensor) => (tensor ? this.valueOf(tensor, name) : null)),
      attributes: this.valued(attributes, name) as Told,
      output: value,
    });
    this.put(output, value);
  }

  end(y: Tensor): Trace {
    const { input, ops, constants, held } = this;
    const output = this.valueOf(y, 'the result');
    const release = (): void => {
      for (const tensor of held) tensor.dispose();
    };
    return { input, ops, output, constants, release };
  }

  private put(tensor: Tensor, value: Value): void {
    this.byTensor.set(tensor, value);
    this.byBuffer.set(tensor.buffer, value);
  }

  /** What `tensor` is: a value that was computed, or a constant. */
  private valueOf(tensor: Tensor, op: string): Value {
    const known = this.byTensor.get(tensor) ?? this.shared(tensor);
    if (known) return known;
    if (this.computed.has(tensor.buffer))
      throw new Error(
        `export: ${op} reads a tensor ${show(tensor.shape)} that a kernel wrote and no op answers for; end that kernel's function in record(name, output, inputs, …)`,
      );
    const name = this.names.get(tensor);
    const constant = name === undefined ? tensor.alias(tensor.shape, true) : tensor;
    if (name === undefined) this.held.push(constant);
    const value: Value = { shape: tensor.shape, name: name ?? `constant${this.held.length}`, constant };
    this.constants.push(value);
    this.byTensor.set(tensor, value);
    return value;
  }

  /** The value of another tensor over the same memory, in the same shape. */
  private shared(tensor: Tensor): Value | undefined {
    const value = this.byBuffer.get(tensor.buffer);
    if (value && show(value.shape) !== show(tensor.shape))
      throw new Error(
        `export: a tensor ${show(value.shape)} is read as ${show(tensor.shape)} without an op; use reshape`,
      );
    return value;
  }

  /** `attributes` with values in place of tensors, also inside plain objects. */
  private valued(attributes: unknown, op: string): unknown {
    if (attributes instanceof Tensor) return this.valueOf(attributes, op);
    if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return attributes;
    // A module given as a norm (nn/conv-norm-act.ts) is read like the plain object that it stands for.
    return Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [key, this.valued(value, op)]),
    );
  }
}
