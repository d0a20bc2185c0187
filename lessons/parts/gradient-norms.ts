/** How long the gradient of each layer's weight is: of the first steps of a course, and of the last. */
import { keep, type Module, mul, noGrad, sum, type Tensor } from 'tessera';
import { meanOf } from './teach.ts';

/** Steps that norms are averaged over. */
const WATCHED = 5;

type Norms = (readonly [layer: number, norm: number])[];

export class GradientNorms {
  private readonly weights: readonly Tensor[];
  private readonly squares: { first: Tensor[][]; last: Tensor[][] } = { first: [], last: [] };

  /** Of the weights of convolutions and linear layers, in their order. */
  constructor(
    net: Module,
    private readonly steps: number,
  ) {
    this.weights = [...net.parameters()].filter(({ shape }) => shape.length > 1);
  }

  /** For `onGradients`. */
  watch = (step: number): void => {
    const squares = (): Tensor[] =>
      noGrad(() => this.weights.map(({ grad }) => keep(sum(mul(grad!, grad!)))));
    if (step < WATCHED) this.squares.first.push(squares());
    if (step >= this.steps - WATCHED) this.squares.last.push(squares());
  };

  /** [layer, norm] for each layer, counted from 1. */
  async read(): Promise<{ first: Norms; last: Norms }> {
    const { first, last } = this.squares;
    return { first: await means(first), last: await means(last) };
  }
}

async function means(squares: readonly Tensor[][]): Promise<Norms> {
  const norms = await Promise.all(
    squares.map((layers) => Promise.all(layers.map(async (one) => Math.sqrt(await one.item())))),
  );
  for (const one of squares.flat()) one.dispose();
  return (norms[0] ?? []).map((_, layer) => [layer + 1, meanOf(norms.map((step) => step[layer]!))]);
}
