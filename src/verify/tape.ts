/**
 * A tape of float64 scalars with reverse-mode derivatives, as in micrograd: an op of the reference states its
 * forward formula only, as nodes with their partial derivatives, and the gradients follow from the chain rule.
 */
import { sizeOf } from '../tensor/index.ts';

export class Tape {
  private readonly values: number[] = [];
  /** Node i's edges are those from ends[i − 1] to ends[i]. */
  private readonly ends: number[] = [];
  private readonly parents: number[] = [];
  private readonly partials: number[] = [];

  value(node: number): number {
    return this.values[node];
  }

  /** The next node depends on `parent` with the partial derivative `partial`. */
  edge(parent: number, partial: number): void {
    this.parents.push(parent);
    this.partials.push(partial);
  }

  /** A node with the edges given since the last one. */
  node(value: number): number {
    this.ends.push(this.parents.length);
    return this.values.push(value) - 1;
  }

  /** Derivatives of Σ seed·node with respect to every node. */
  backward(nodes: readonly number[], seeds: ArrayLike<number>): Float64Array {
    const gradients = new Float64Array(this.values.length);
    for (const [i, node] of nodes.entries()) gradients[node] += seeds[i];
    for (let node = gradients.length - 1; node >= 0; node--) {
      const begin = node === 0 ? 0 : this.ends[node - 1];
      for (let edge = begin; edge < this.ends[node]; edge++)
        gradients[this.parents[edge]] += gradients[node] * this.partials[edge];
    }
    return gradients;
  }
}

/** A tensor whose elements are nodes of a tape, row-major. */
export class Nodes {
  constructor(
    readonly tape: Tape,
    readonly shape: readonly number[],
    readonly nodes: readonly number[],
  ) {}

  static leaf(tape: Tape, shape: readonly number[], data: ArrayLike<number>): Nodes {
    return new Nodes(
      tape,
      shape,
      Array.from(data, (value) => tape.node(value)),
    );
  }

  /** A tensor of `shape` whose element at `index` is what `compute` returns (a node). */
  static from(tape: Tape, shape: readonly number[], compute: (index: readonly number[]) => number): Nodes {
    return new Nodes(tape, shape, Array.from(indices(shape), compute));
  }

  at(...index: number[]): number {
    return this.nodes[this.shape.reduce((flat, size, axis) => flat * size + index[axis], 0)];
  }

  /** The value of the element at `index`. */
  value(...index: number[]): number {
    return this.tape.value(this.at(...index));
  }

  data(): Float64Array {
    return Float64Array.from(this.nodes, (node) => this.tape.value(node));
  }
}

/** Every index of a shape in row-major order. */
export function* indices(shape: readonly number[]): Generator<readonly number[]> {
  for (let flat = 0; flat < sizeOf(shape); flat++) {
    const index: number[] = [];
    let rest = flat;
    for (const size of [...shape].reverse()) {
      index.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    yield index;
  }
}
