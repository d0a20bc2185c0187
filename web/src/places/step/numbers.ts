/** Numbers as text, and the arithmetic of the formulas that are shown with them. */
import type { OptimiserFacts, Sample } from '../../step.ts';

/** 0.0123, 4.5·10⁻⁶. */
export function figure(value: number, digits = 3): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.floor(Math.log10(Math.abs(value)));
  const plain = size >= -3 && size < 6;
  const text = plain
    ? Number(value.toPrecision(digits)).toLocaleString('en', {
        maximumFractionDigits: Math.max(0, digits - 1 - size),
      })
    : `${Number((value / 10 ** size).toPrecision(digits))}·10${raised(size)}`;
  return text.replace('-', '−');
}

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const raised = (power: number): string =>
  `${power < 0 ? '⁻' : ''}${[...String(Math.abs(power))].map((digit) => RAISED[Number(digit)]).join('')}`;

/** The softmax of a row of logits, in double precision. */
export function softmax(logits: Float32Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** The formula of an optimiser's first step. */
export const FORMULAS: Record<OptimiserFacts['name'], string> = {
  SGD: 'm = g;  w ← w − rate · m',
  AdamW:
    'm = (1 − β₁)·g;  v = (1 − β₂)·g²;  w ← w − rate·λ·w − rate · (m / (1 − β₁)) / (√(v / (1 − β₂)) + ε)',
};

/** A weight after an optimiser's first step, by its formula, and the formula with its numbers. */
export function updated(
  facts: OptimiserFacts,
  { before: w, gradient: g }: Sample,
): { value: number; text: string } {
  const { rate, weightDecay } = facts;
  if (facts.name === 'SGD')
    return { value: w - rate * g, text: `${figure(w, 6)} − ${figure(rate)} · ${signed(g)}` };
  const moved = g / (Math.abs(g) + facts.eps);
  return {
    value: w - rate * weightDecay * w - rate * moved,
    text: `${figure(w, 6)} − ${figure(rate * weightDecay)} · ${signed(w)} − ${figure(rate)} · ${signed(g)} / (${figure(Math.abs(g))} + ${figure(facts.eps)})`,
  };
}

const signed = (value: number): string => (value < 0 ? `(${figure(value)})` : figure(value));
