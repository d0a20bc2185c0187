/**
 * `Optimizer`: what SGD and AdamW share. Groups of parameters with their rates, the step, and the state as named
 * tensors for a checkpoint. The update itself, of all parameters in a few dispatches, is multi-tensor.ts; the formulas
 * are sgd.ts and adamw.ts.
 */
import {
  advanceStep,
  checkTypes,
  empty,
  show,
  Tensor,
  type TypedArray,
  tensor,
  working,
} from '../tensor/index.ts';
import { MultiTensorUpdate } from './multi-tensor.ts';
import type { UpdateRule } from './update-programs.ts';

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  params: Iterable<Tensor>;
  /** Learning rate; the optimiser's where it is not given. */
  lr?: number;
  weightDecay?: number;
}

/** What an optimiser takes: tensors, or groups of them. */
export type Parameters = Iterable<Tensor> | Iterable<ParameterGroup>;

/** A group as the optimiser keeps it. `lr` and `weightDecay` may be changed between steps. */
export interface Group {
  readonly params: readonly Tensor[];
  lr: number;
  weightDecay: number;
}

/** Frees the state of optimisers that nobody refers to any more. */
const collected = new FinalizationRegistry<MultiTensorUpdate>((state) => state.dispose());

export abstract class Optimizer {
  readonly groups: readonly Group[];
  /** Multiplies the learning rate of every group: what a schedule sets. */
  lrFactor = 1;
  private readonly parameters: readonly Tensor[];
  private readonly multi: MultiTensorUpdate;

  /**
   * @throws RangeError where there is no parameter, where none requires a gradient, and for one that is given twice, freed,
   * computed or on another device; TypeError for one that is no tensor of float32
   */
  protected constructor(params: Parameters, rule: UpdateRule, lr: number, weightDecay: number) {
    this.groups = asGroups(params, lr, weightDecay);
    this.parameters = this.groups.flatMap((group) => group.params);
    checkParameters(this.parameters, new.target.name);
    const groupOf = this.groups.flatMap((group, index) => group.params.map(() => index));
    this.multi = new MultiTensorUpdate(rule, this.parameters, groupOf);
    collected.register(this, this.multi);
  }

  /** Two numbers that `prepare` of the rule reads as `rates.xy`, computed in double. */
  protected abstract ratesOf(lr: number, weightDecay: number): readonly [number, number];

  /**
   * Updates every parameter that has a gradient. With the loss given, nothing is updated and no step counted where it
   * is not finite, so that no checkpoint lies beyond it; this happens on the GPU and waits for nothing.
   *
   * The random step goes on by one, so that the next forward pass draws new dropout masks; `setStep` sets it.
   */
  step(loss?: Tensor): void {
    const rates = this.groups.flatMap(({ lr, weightDecay }) => [
      ...this.ratesOf(checkRate('lr', lr * this.lrFactor), checkRate('weightDecay', weightDecay)),
      0,
      0,
    ]);
    working({ name: this.constructor.name, pass: 'update' }, () =>
      this.multi.run(new Float32Array(rates), loss),
    );
    advanceStep(this.parameters[0].device);
  }

  /** Frees the gradients. Call it before `backward()`, which adds to them. */
  zeroGrad(): void {
    for (const parameter of this.parameters) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /**
   * [`0.momentum`, values] of the state, where 0 counts the parameters as they were given, and [`step`, how often each
   * was updated]. Reads one array after the other from the GPU.
   */
  async *stateTensors(): AsyncIterableIterator<[string, TypedArray]> {
    yield ['step', Float32Array.from(await this.multi.readSteps())];
    for (const [index, parameter] of this.parameters.entries())
      for (const [array, name] of this.multi.stateNames.entries()) {
        const copy = empty(parameter.device, parameter.shape, { owned: true });
        if (this.multi.readState(index, array, copy.buffer)) yield [`${index}.${name}`, await copy.data()];
        copy.dispose();
      }
  }

  /**
   * Restores what `stateTensors` gave, for an optimiser of the same kind over the same parameters in the same order.
   * @throws RangeError where names or sizes do not fit
   */
  loadState(state: Iterable<readonly [string, ArrayLike<number>]>): void {
    const entries = [...state].map(([name, values]) => ({ name, values, place: this.placeOf(name, values) }));
    this.multi.allocate([...new Set(entries.flatMap(({ place }) => (place ? [place.parameter] : [])))]);
    for (const { values, place } of entries) {
      if (!place) {
        this.multi.writeSteps(Uint32Array.from(values));
        continue;
      }
      const { device, shape } = this.parameters[place.parameter];
      const source = tensor(values, shape, { device, dtype: 'float32', owned: true });
      this.multi.writeState(place.parameter, place.array, source.buffer);
      source.dispose();
    }
  }

  /** Frees the state, which otherwise goes when the optimiser is out of use. The parameters stay. */
  dispose(): void {
    this.multi.dispose();
  }

  /** Which parameter and which state array `name` means; null for the steps. Throws where it does not fit. */
  private placeOf(name: string, { length }: ArrayLike<number>): { parameter: number; array: number } | null {
    const { parameters } = this;
    if (name === 'step') {
      if (length === parameters.length) return null;
      throw new RangeError(
        `loadState: the state is of ${length} parameters, this optimiser has ${parameters.length}`,
      );
    }
    const [index, arrayName] = name.split('.');
    const array = this.multi.stateNames.indexOf(arrayName);
    const parameter = Number(index);
    if (array < 0 || !(parameter in parameters))
      throw new RangeError(`loadState: '${name}' is no state of this optimiser; it was saved by another one`);
    if (length !== parameters[parameter].size)
      throw new RangeError(
        `loadState: '${name}' has ${length} values, its parameter ${parameters[parameter].size}`,
      );
    return { parameter, array };
  }
}

/**
 * Parameters in two groups: kernels and matrices, which decay, and vectors (norms and biases), which do not. A norm's
 * scale has no reason to be near 0, and a bias costs no capacity. timm: `param_groups_weight_decay`.
 *
 *   new AdamW(decayGroups(model.parameters(), 0.05), { lr })
 */
export function decayGroups(params: Iterable<Tensor>, weightDecay: number): ParameterGroup[] {
  const all = [...params];
  const isVector = ({ shape }: Tensor): boolean => shape.length <= 1;
  return [
    { params: all.filter((parameter) => !isVector(parameter)), weightDecay },
    { params: all.filter(isVector), weightDecay: 0 },
  ].filter((group) => group.params.length > 0);
}

function asGroups(params: Parameters, lr: number, weightDecay: number): Group[] {
  const given = [...params];
  const isGroup = (item: Tensor | ParameterGroup): item is ParameterGroup =>
    typeof item === 'object' && 'params' in item;
  const loose = given.filter((item): item is Tensor => !isGroup(item));
  const groups = given.filter(isGroup);
  if (loose.length > 0) groups.push({ params: loose });
  return groups.map((group) => ({
    params: [...group.params],
    lr: group.lr ?? lr,
    weightDecay: group.weightDecay ?? weightDecay,
  }));
}

/** What every optimiser asks of its parameters; `name` is the optimiser's. */
function checkParameters(parameters: readonly Tensor[], name: string): void {
  if (parameters.length === 0) throw new RangeError(`${name}: no parameters were given`);
  for (const [index, parameter] of parameters.entries()) {
    if (!(parameter instanceof Tensor))
      throw new TypeError(
        `${name}: parameter ${index} is no tensor; give model.parameters(), or groups { params, lr }`,
      );
    checkTypes(name, { [`parameter ${index}`]: parameter });
    if (parameter.freed)
      throw new RangeError(`${name}: parameter ${index} ${show(parameter.shape)} was freed`);
    if (parameter.node)
      throw new RangeError(
        `${name}: parameter ${index} ${show(parameter.shape)} was computed by an op, so that it gets no gradient of its own; give what it was computed from`,
      );
  }
  if (!parameters.some(({ requiresGrad }) => requiresGrad))
    throw new RangeError(
      `${name}: none of the ${parameters.length} parameters requires a gradient (all are frozen), so that nothing would train; unfreeze(model), or set requiresGrad, before making the optimiser`,
    );
  if (new Set(parameters).size < parameters.length)
    throw new RangeError(`${name}: a parameter was given twice; it would be updated twice a step`);
  if (parameters.some(({ device }) => device !== parameters[0].device))
    throw new RangeError(`${name}: the parameters are on several devices; make one optimiser for each`);
}

function checkRate(what: string, value: number): number {
  if (!(value >= 0) || value === Number.POSITIVE_INFINITY)
    throw new RangeError(`optimizer: ${what} ${value} must be a number of at least 0`);
  return value;
}
