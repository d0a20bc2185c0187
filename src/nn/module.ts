/**
 * `Module`: a piece of a network that owns parameters. Names are derived from attributes, so that a model whose
 * attributes are called as in torchvision reads torchvision's weights without a table:
 *
 *   this.layer1 = new Sequential([...]);    →  layer1.0.conv1.weight
 *   this.runningMean = buffer([64]);        →  running_mean
 *
 * A tensor attribute is a parameter unless the module lists it as a buffer; a module attribute is a child; an array
 * of modules counts its members. Parameters are leaves that no scope frees.
 */
import type { Device } from '../gpu/index.ts';
import { empty, getDefaultDevice, type Shape, Tensor } from '../tensor/index.ts';
import { chain } from './chain.ts';
import type { Init } from './init.ts';
import type { Layout } from './layout.ts';

let buildDevice: Device | null = null;

/** Runs `build` so that the parameters it creates live on `device`. */
export function onDevice<Result>(device: Device, build: () => Result): Result {
  const before = buildDevice;
  buildDevice = device;
  try {
    return build();
  } finally {
    buildDevice = before;
  }
}

/** A trainable tensor. Its values are whatever the memory held until it is initialised or loaded. */
export function parameter(shape: Shape): Tensor {
  const device = buildDevice ?? getDefaultDevice();
  return empty(device, shape, { kind: 'parameter', owned: true, requiresGrad: true });
}

/** State that is saved with the parameters but never trained, such as running statistics. */
export function buffer(shape: Shape): Tensor {
  return empty(buildDevice ?? getDefaultDevice(), shape, { kind: 'parameter', owned: true });
}

/** `runningMean` → `running_mean`: PyTorch's spelling of an attribute. */
function torchName(attribute: string): string {
  return attribute.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const join = (prefix: string, name: string): string => (prefix ? `${prefix}.${name}` : name);

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
  /** Filled at the first question: a model has hundreds of names. */
  private layouts: Map<string, Layout> | null = null;

  abstract forward(x: Tensor): Tensor;

  /** Whether batch statistics are taken and units are dropped: in training, and not frozen. */
  get active(): boolean {
    return this.training && !this.frozen;
  }

  /** PyTorch's default values for a parameter or buffer of this module. */
  initOf(attribute: string): Init {
    throw new Error(`${this.constructor.name} does not say how '${attribute}' is initialised`);
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

  /** Training mode (or evaluation with `false`) for this module and everything below it. Frozen ones stay frozen. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Evaluation mode: running statistics, nothing dropped. */
  eval(): this {
    return this.train(false);
  }

  /** Gives all memory of the parameters, their gradients and the buffers back. */
  dispose(): void {
    for (const { tensor } of this.tensors()) {
      tensor.grad?.dispose();
      tensor.grad = null;
      tensor.dispose();
    }
  }
}

/** Modules one after the other. PyTorch: `nn.Sequential`. */
export class Sequential extends Module {
  constructor(readonly layers: readonly Module[]) {
    super();
  }

  override *namedChildren(): IterableIterator<[string, Module]> {
    for (const [index, layer] of this.layers.entries()) yield [`${index}`, layer];
  }

  forward(x: Tensor): Tensor {
    return chain(
      x,
      this.layers.map((layer) => (y: Tensor) => layer.forward(y)),
    );
  }
}
