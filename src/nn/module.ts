/**
 * `Module`: a piece of a network that owns parameters. Names are derived from attributes, so that a model whose
 * attributes are called as in torchvision reads torchvision's weights without a table:
 *
 *   this.layer1 = new Sequential([...]);    →  layer1.0.conv1.weight
 *   this.runningMean = buffer([64]);        →  running_mean
 *
 * A tensor attribute is a parameter unless the module lists it as a buffer; a module attribute is a child; an array
 * of modules counts its members. Parameters are leaves that no scope frees, and hold initial values from the start.
 */
import type { Device } from '../gpu/index.ts';
import { empty, getDefaultDevice, type Shape, Tensor } from '../tensor/index.ts';
import { chain } from './chain.ts';
import { fill, type Init } from './init.ts';
import type { Layout } from './layout.ts';
import { maskGradient } from './mask.ts';
import { within } from './within.ts';

/** Where parameters are made, and whether they get values then; a model's get theirs when all names are known. */
interface Making {
  readonly device: Device | null;
  readonly initialise: boolean;
}

let making: Making = { device: null, initialise: true };

/**
 * Runs `build` so that the parameters it creates live on `device`. With `initialise: false` they get no values: whoever
 * calls it fills all of them afterwards (`Module.initialise`, or weights from a file).
 */
export function onDevice<Result>(
  device: Device,
  build: () => Result,
  { initialise = true }: { initialise?: boolean } = {},
): Result {
  const before = making;
  making = { device, initialise };
  try {
    return build();
  } finally {
    making = before;
  }
}

/** The device of what is made now, and whether it starts with values. */
export function makingNow(): { device: Device; initialise: boolean } {
  return { device: making.device ?? getDefaultDevice(), initialise: making.initialise };
}

/** How each tensor of a module starts. */
const inits = new WeakMap<Tensor, Init>();

function made(shape: Shape, init: Init, requiresGrad: boolean): Tensor {
  const { device, initialise } = makingNow();
  const tensor = empty(device, shape, { kind: 'parameter', owned: true, requiresGrad });
  inits.set(tensor, init);
  if (initialise) fill(tensor, init);
  return tensor;
}

/**
 * A trainable tensor of a module, with initial values: `parameter([cin, cout], xavierUniform())`,
 * `parameter([c], { constant: 1 })`. They depend on the seed (`manualSeed`) and on how many tensors were made before;
 * `initialise` draws them anew. PyTorch: `nn.Parameter`.
 */
export function parameter(shape: Shape, init: Init): Tensor {
  return made(shape, init, true);
}

/** State that is saved with the parameters but never trained, such as running statistics. PyTorch: `register_buffer`. */
export function buffer(shape: Shape, init: Init): Tensor {
  return made(shape, init, false);
}

/** `runningMean` → `running_mean`: PyTorch's spelling of an attribute. */
function torchName(attribute: string): string {
  return attribute.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const join = (prefix: string, name: string): string => (prefix ? `${prefix}.${name}` : name);

/** What a module says of tensors below it that should not start as their layers make them. */
export type InitRule = (module: Module, attribute: string, name: string) => Init | undefined;

/** A tensor of a module: where it hangs, and under which attribute. */
interface Owned {
  name: string;
  tensor: Tensor;
  owner: Module;
  attribute: string;
}

export abstract class Module {
  /** Set by `train()` and `eval()`. */
  training = true;
  /** Set by `freeze()`: this module behaves as in evaluation, whatever `train()` says. */
  frozen = false;
  /** Attributes that are state, not parameters. */
  protected readonly bufferAttributes: readonly string[] = [];
  /** How this module starts what is below it, where that is not as the layers do by themselves. */
  protected readonly initRule: InitRule = () => undefined;
  /** Filled at the first question: a model has hundreds of names. */
  private layouts: Map<string, Layout> | null = null;

  abstract forward(x: Tensor): Tensor;

  /** Whether batch statistics are taken and units are dropped: in training, and not frozen. */
  get active(): boolean {
    return this.training && !this.frozen;
  }

  /** How PyTorch lays a tensor of this module out; see layout.ts. */
  protected layoutOf(_attribute: string): Layout {
    return 'plain';
  }

  /** [name, module] of the children, in the order of the attributes. */
  *namedChildren(): IterableIterator<[string, Module]> {
    for (const [attribute, value] of Object.entries(this)) {
      if (value instanceof Module) yield [torchName(attribute), value];
      else if (Array.isArray(value))
        for (const [index, item] of value.entries())
          if (item instanceof Module) yield [`${torchName(attribute)}.${index}`, item];
    }
  }

  /** [path, module] of this module and everything below it; its own path is `prefix`. */
  *namedModules(prefix = ''): IterableIterator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name));
  }

  /** Everything trainable, frozen or not: what an optimiser takes. */
  *parameters(): IterableIterator<Tensor> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  /** [torchvision name, tensor] of everything trainable, frozen or not. */
  *namedParameters(prefix = ''): IterableIterator<[string, Tensor]> {
    for (const { name, tensor, owner, attribute } of this.tensors(prefix))
      if (!owner.bufferAttributes.includes(attribute)) yield [name, tensor];
  }

  /** [torchvision name, tensor] of the running statistics. */
  *namedBuffers(prefix = ''): IterableIterator<[string, Tensor]> {
    for (const { name, tensor, owner, attribute } of this.tensors(prefix))
      if (owner.bufferAttributes.includes(attribute)) yield [name, tensor];
  }

  /** Every parameter and buffer with the module that owns it. */
  *tensors(prefix = ''): IterableIterator<Owned> {
    for (const [path, owner] of this.namedModules(prefix))
      for (const [attribute, value] of Object.entries(owner))
        if (value instanceof Tensor)
          yield { name: join(path, torchName(attribute)), tensor: value, owner, attribute };
  }

  /** How PyTorch lays out the parameter or buffer called `name`. Throws where there is none. */
  parameterLayout(name: string): Layout {
    this.layouts ??= new Map(
      [...this.tensors()].map((entry) => [entry.name, entry.owner.layoutOf(entry.attribute)]),
    );
    const layout = this.layouts.get(name);
    if (!layout) throw new Error(`${this.constructor.name} has no parameter called '${name}'`);
    return layout;
  }

  /**
   * Training mode (or evaluation with `false`) for this module and everything below it. Frozen ones stay frozen. What
   * evaluation kept of weights that train (Device.derived) is given back, so that a step has the memory that it had before.
   */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    if (mode)
      for (const { tensor } of this.tensors())
        if (tensor.requiresGrad && !tensor.halves) tensor.buffer.changing();
    return this;
  }

  /** Evaluation mode: running statistics, nothing dropped. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Sets the parameters and running statistics anew, all of them or those whose names `only` picks. The same seed and
   * names give the same values, whatever the order of creation.
   * @throws Error for a tensor that was made by neither `parameter` nor `buffer`
   */
  initialise(seed: number, only: (name: string) => boolean = () => true): this {
    for (const { name, tensor, owner, attribute } of this.tensors()) {
      if (!only(name)) continue;
      const init = this.initRule(owner, attribute, name) ?? inits.get(tensor);
      if (!init)
        throw new Error(
          `initialise: nothing says how '${name}' of ${owner.constructor.name} starts; make it with parameter(shape, init) or buffer(shape, init)`,
        );
      fill(tensor, init, seed, name);
    }
    return this;
  }

  /** Gives all memory of the parameters, their gradients and the buffers back. */
  dispose(): void {
    freeTensors([...this.tensors()].map(({ tensor }) => tensor));
  }
}

/**
 * Gives back the memory of tensors that leave a module for good, and that of their gradients and masks. An optimiser that knows
 * them lets go of their state at its next step.
 */
export function freeTensors(tensors: Iterable<Tensor>): void {
  for (const tensor of tensors) {
    maskGradient(tensor, null);
    tensor.grad?.dispose();
    tensor.grad = null;
    tensor.dispose();
  }
}

/** What a module computes; whoever listens (within.ts) learns that it is that one. */
export function forwardOf(module: Module, x: Tensor): Tensor {
  return within(module, () => module.forward(x));
}

/** A step of a `Sequential`: a module, or a function without parameters such as `relu`. */
export type Layer = Module | ((x: Tensor) => Tensor);

/**
 * Modules and functions one after the other: `new Sequential([conv, relu, flatten, linear])`. The place in the list is
 * the name, functions counted, as with PyTorch's `nn.Sequential` and `nn.ReLU`: here `0.weight` and `3.weight`.
 */
export class Sequential extends Module {
  constructor(readonly layers: readonly Layer[]) {
    super();
    for (const [index, layer] of layers.entries())
      if (typeof layer !== 'function' && !(layer instanceof Module))
        throw new TypeError(
          `Sequential: entry ${index} is neither a module nor a function of a tensor; give a list such as [conv, relu, linear]`,
        );
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    for (const [index, layer] of this.layers.entries())
      if (layer instanceof Module) yield [`${index}`, layer];
  }

  forward(x: Tensor): Tensor {
    const steps = this.layers.map(
      (layer) => (y: Tensor) => (layer instanceof Module ? forwardOf(layer, y) : layer(y)),
    );
    return within(this, () => chain(x, steps));
  }
}
