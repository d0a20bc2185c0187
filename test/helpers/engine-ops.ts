/** The engine's ops under the names of the fixtures (`verify` uses them too), and a collector of errors. */
export * from '../../src/verify/engine-ops.ts';

/** The largest errors of some runs: forward and gradients. */
export class Errors {
  runs = 0;
  forward = 0;
  gradients = 0;

  add(forward: number, gradients: number): void {
    this.runs++;
    this.forward = Math.max(this.forward, forward);
    this.gradients = Math.max(this.gradients, gradients);
  }

  toString(): string {
    if (this.runs === 0) return 'none ran';
    return `${this.forward.toExponential(1)} forward, ${this.gradients.toExponential(1)} gradients`;
  }
}
