/**
 * Larger tiles, and a kernel that is changed once: F(4×4) needs 36 multiplications for 16 values in place of 144. Where the
 * weight stays as it is, as in every prediction, U is computed once and kept, at four times the memory of the weight.
 */
import type { ConvProblem, Rung } from '../rung.ts';
import { recordWinograd, transformKernel } from './6-winograd-2.ts';

export const winograd4: Rung<ConvProblem> = {
  name: 'winograd-4',
  limit: 'the passes over memory again, and products of few rows',
  program: () => null,
  run(problem) {
    const { w, cin, cout } = problem;
    const u = w.device.derived(w.buffer, 'ladder-winograd-4', 4 * 36 * cin * cout, (into) =>
      transformKernel(problem, 'F4', into),
    );
    return recordWinograd(problem, 'F4', u);
  },
};
