/**
 * Reverse-mode differentiation. An op that has an input with `needsGrad` records a `GradNode`: its inputs, the
 * tensors that its gradient formula reads, and the formula. `backward` walks the nodes from the newest to the oldest
 * (creation order is a topological order), frees what each saved as it goes, and sums gradients at the leaves.
 */
import { accumulate, copyOf } from './accumulate.ts';
import { checkTypes } from './dtype.ts';
import { computed, type Gradient, type Op, opName, recorded, working } from './ops.ts';
import { keep, noGrad, recordsGradients, scope } from './recording.ts';
import { sameShape, show } from './shape.ts';
import { differentiateBy, type History, type Tensor, tensor } from './tensor.ts';

let nextNode = 0;

/** Whether an op on these inputs would record a node. */
export function recordsGrad(...inputs: (Tensor | null | undefined)[]): boolean {
  return recordsGradients() && inputs.some((input) => input?.needsGrad);
}

/** A gradient formula: from the saved tensors and the output's gradient to one gradient per input (null: none). */
export type Backward<Saved> = (saved: Saved, dy: Tensor, needs: readonly boolean[]) => (Tensor | null)[];

type SavedTensors = Record<string, Tensor | null>;

export class GradNode implements History {
  readonly id = nextNode++;
  private references = 1; // the output; one more for each node that consumes it
  private spent = false;
  /** The version of each saved tensor's buffer when it was saved. */
  private readonly versions: readonly number[];

  constructor(
    readonly name: string,
    /** Where the gradient of each input goes: a node, a leaf, or nowhere. */
    private readonly inputs: readonly (GradNode | Tensor | null)[],
    private saved: SavedTensors,
    private readonly formula: Backward<SavedTensors>,
  ) {
    for (const input of inputs) if (input instanceof GradNode) input.ref();
    this.versions = Object.values(saved).map((tensor) => tensor?.buffer.version ?? 0);
  }

  /** One user more. */
  ref(): void {
    this.references++;
  }

  /** The targets of the gradients that `run` returns. */
  get targets(): readonly (GradNode | Tensor | null)[] {
    return this.inputs;
  }

  /** One user fewer; the last one frees what was saved, here and in the nodes that only this one used. */
  unref(): void {
    if (--this.references === 0) this.free();
  }

  /**
   * Gradients of the inputs, in their order. Once only: `propagate` then frees what was saved.
   * @throws Error where what was saved has been written to since, as PyTorch does
   */
  run(dy: Tensor): (Tensor | null)[] {
    if (this.spent)
      throw new Error(`backward: ${this.name} was already differentiated and its saved tensors are freed`);
    for (const [index, [name, tensor]] of Object.entries(this.saved).entries())
      if (tensor && tensor.buffer.version !== this.versions[index])
        throw new Error(
          `backward: ${this.name} needs ${name} ${show(tensor.shape)} as it was in the forward pass, but it was modified by an in-place operation since (an optimiser's step, write(), fill() or a program that writes into it); call backward() before that, or run the forward pass again after it`,
        );
    const needs = this.inputs.map((input) => input !== null);
    return this.formula(this.saved, dy, needs);
  }

  /** Frees what was saved. A list and no recursion: a graph may be deeper than the stack. */
  free(): void {
    const unused: GradNode[] = [this];
    for (let node = unused.pop(); node; node = unused.pop()) {
      if (node.spent) continue;
      node.spent = true;
      for (const tensor of Object.values(node.saved)) tensor?.dispose();
      node.saved = {};
      for (const input of node.inputs)
        if (input instanceof GradNode && --input.references === 0) unused.push(input);
    }
  }
}

/**
 * Records how `output` came from `inputs`, if one of them needs a gradient, and returns `output`.
 *
 * `saved` holds what `formula` reads; nothing else survives the scope of the forward pass. An op saves what its
 * gradients need and no more: where it depends on who needs one, `saved` is a function of the same `needs` that the
 * formula is given, one for each input:
 *
 *   record('mul', y, [a, b], ([needsA, needsB]) => ({ a: needsB ? a : null, b: needsA ? b : null }), formula)
 *
 * What the op was told beside tensors stands with its name, `{ op: 'lrn', size, alpha, beta, k }`: whoever watches (ops.ts)
 * learns it, gradient or not, so that an op calls this in any case.
 */
export function record<Saved extends SavedTensors>(
  op: Op,
  output: Tensor,
  inputs: readonly (Tensor | null | undefined)[],
  saved: Saved | ((needs: readonly boolean[]) => Saved),
  formula: Backward<Saved>,
): Tensor {
  computed(op, output, inputs);
  if (!recordsGrad(...inputs)) return output;
  const targets = inputs.map((input) =>
    input?.needsGrad ? ((input.node as GradNode | null) ?? input) : null,
  );
  const reads = typeof saved === 'function' ? saved(targets.map((target) => target !== null)) : saved;
  const held: SavedTensors = {};
  for (const [key, value] of Object.entries(reads)) held[key] = value ? value.alias(value.shape, true) : null;
  const node = new GradNode(opName(op), targets, held, formula as unknown as Backward<SavedTensors>);
  output.node = node;
  recorded(node);
  return output;
}

/** See `Tensor.backward`. */
export function backward(root: Tensor, gradient?: Tensor): void {
  const start = root.node as GradNode | null;
  if (!start) throw new Error('backward: nothing that led to this tensor requires a gradient');
  if (!gradient && root.size !== 1)
    throw new Error(
      `backward: a tensor of shape ${show(root.shape)} is no scalar; give the gradient to start from`,
    );
  checkTypes('backward', { gradient });
  if (gradient && !sameShape(gradient.shape, root.shape))
    throw new Error(`backward: gradient ${show(gradient.shape)} for a tensor of shape ${show(root.shape)}`);
  const nodes = newestFirst(start);
  // Held while they wait: where the forward pass ran in a scope, nodes live on the nodes that consume them, and those
  // are freed first.
  for (const node of nodes) node.ref();
  try {
    noGrad(() => scope(() => propagate(root, gradient, nodes)));
  } finally {
    for (const node of nodes) node.unref();
  }
}

/** Runs the formulas of `nodes`, newest first, and passes their results on. */
function propagate(root: Tensor, gradient: Tensor | undefined, nodes: readonly GradNode[]): void {
  const seed = gradient ?? tensor([1], root.shape, { device: root.device });
  const gradients = new Map<GradNode, Tensor>([[nodes[0]!, seed]]);
  for (const node of nodes) {
    const dy = gradients.get(node);
    gradients.delete(node);
    if (!dy) continue;
    // What the formula creates and does not return is freed with this inner scope.
    const results = scope(() =>
      working(
        { name: node.name, pass: 'gradients', of: node, gradient: dy },
        () => ownHandles(node.run(dy), dy),
        (given) => gradientsOf(node, given),
      ),
    );
    if (dy !== gradient) dy.dispose();
    node.free();
    results.forEach((result, index) => {
      const target = node.targets[index];
      if (!target || !result) return;
      if (target instanceof GradNode) {
        const before = gradients.get(target);
        gradients.set(target, before ? addInto(before, result, target) : result);
      } else addToLeaf(target, result);
    });
  }
}

/** The results of a formula, each with a handle of its own: it may return `dy`, or one tensor for two inputs. */
function ownHandles(results: readonly (Tensor | null)[], dy: Tensor): (Tensor | null)[] {
  const taken = new Set<Tensor>([dy]);
  return results.map((result) => {
    if (!result) return null;
    if (taken.has(result)) return result.alias();
    taken.add(result);
    return result;
  });
}

/** The results of a formula, as whoever listens is told of them. */
function gradientsOf(node: GradNode, results: readonly (Tensor | null)[]): Gradient[] {
  return results.flatMap((tensor, index) => {
    const target = node.targets[index];
    const ofParameter = !(target instanceof GradNode) && target?.buffer.kind === 'parameter';
    return tensor ? [{ tensor, ofParameter }] : [];
  });
}

/** before + gradient, where neither is needed any more: what the sum does not use is freed at once. */
function addInto(before: Tensor, gradient: Tensor, of: GradNode | null): Tensor {
  const sum = working({ name: 'accumulate', pass: 'gradients', of }, () => accumulate(before, gradient));
  gradient.dispose();
  if (sum !== before) before.dispose();
  return sum;
}

/** Every node that `start` depends on, newest first. */
function newestFirst(start: GradNode): GradNode[] {
  const found = new Set<GradNode>([start]);
  for (const node of found) for (const input of node.targets) if (input instanceof GradNode) found.add(input);
  return [...found].sort((a, b) => b.id - a.id);
}

/** Adds a gradient to `leaf.grad`. The first one becomes the gradient itself where nobody else uses its memory. */
function addToLeaf(leaf: Tensor, gradient: Tensor): void {
  const hook = leaf.gradHook;
  const masked = hook ? working({ name: 'mask', pass: 'gradients' }, () => hook(gradient)) : gradient;
  if (masked !== gradient) gradient.dispose();
  if (!sameShape(masked.shape, leaf.shape))
    throw new Error(`backward: gradient ${show(masked.shape)} for a parameter of shape ${show(leaf.shape)}`);
  if (leaf.grad) leaf.grad = keep(addInto(leaf.grad, masked, null));
  else if (masked.shared) {
    leaf.grad = keep(copyOf(masked));
    masked.dispose();
  } else leaf.grad = keep(masked);
  leaf.device.pool.changeKind(leaf.grad.buffer, 'gradient');
}

differentiateBy(backward);
