/** What is said first of a search, in sentences: what it gives, on which pictures that was measured, against which controls. */
import { counted, formatCount, formatNumber } from '../text/figures.ts';
import { percentRange, wilson } from '../train/evaluation/intervals.ts';
import { percent } from '../train/metrics.ts';
import type { Comparison, CostUnit, Final, FinalRole, SearchResult, Target } from './result.ts';

const ROLES: Readonly<Record<FinalRole, string>> = {
  winner: "the search's winner",
  'hand-made': 'the hand-made network',
  random: "random search's best",
  efficientnet_b0: 'EfficientNet-B0',
  mobilenet_v2: 'MobileNetV2',
};

/** `the hand-made network`; what is no role stays as it is. */
export const roleName = (role: string): string => ROLES[role as FinalRole] ?? role;

/** `4.83 ms`, `8.12 M multiply-adds`. */
export function costText(cost: number, unit: CostUnit): string {
  return unit === 'ms' ? `${formatNumber(cost)} ms` : `${formatCount(cost)} ${unit}`;
}

/** `at most 5 ms for 1 picture`; of a soft target `about 5 ms for 1 picture (exponent 0.07)`. */
export function targetText({ unit, value, exponent, batch }: Target): string {
  const limit = costText(value, unit) + (unit === 'ms' ? ` for ${counted(batch, 'picture')}` : '');
  return exponent === null ? `at most ${limit}` : `about ${limit} (exponent ${formatNumber(exponent)})`;
}

/** Whether an interval leaves zero out. */
export const beyond = ([low, high]: readonly [number, number]): boolean => low > 0 || high < 0;

/** `0.64`, `0.012`, `below 0.001`. */
export const pText = (p: number): string => (p < 0.001 ? 'below 0.001' : p.toFixed(p < 0.1 ? 3 : 2));

/** What is less likely than this between equal networks is called a difference. */
export const SIGNIFICANT = 0.05;

/**
 * A difference in plain words: `The search's winner has a loss 0.034 below that of the hand-made network on 2,000 pictures (95 %
 * interval of the difference −0.056 to −0.012): beyond its interval. 161 pictures only the first has right, 130 only the
 * second (McNemar's p 0.08): not more than chance gives.`
 */
export function differenceSentence({
  of: [first, second],
  pictures,
  onlyFirst,
  onlySecond,
  p,
  difference,
  interval,
}: Comparison): string {
  const size = Math.abs(difference).toFixed(3);
  const loss =
    Number(size) === 0
      ? `has the same loss as ${roleName(second)}`
      : `has a loss ${size} ${difference < 0 ? 'below' : 'above'} that of ${roleName(second)}`;
  const verdict = beyond(interval)
    ? 'beyond its interval'
    : 'not beyond its interval, so that either may be the better one';
  const chance = p < SIGNIFICANT ? 'more than chance gives' : 'not more than chance gives';
  return (
    `${capital(roleName(first))} ${loss} on ${counted(pictures, 'picture')} (95 % interval of the difference ${signed(interval[0])} to ${signed(interval[1])}): ${verdict}. ` +
    `${counted(onlyFirst, 'picture')} only the first has right, ${onlySecond.toLocaleString('en-US')} only the second (McNemar's p ${pText(p)}): ${chance}.`
  );
}

/** With its sign, a minus as wide as a plus. */
export const signed = (value: number, digits = 3): string => {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
};

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The network that is returned, as far as it was trained. */
export const returnedFinal = ({ finals, returned }: SearchResult): Final | null =>
  finals.find(({ role }) => role === returned.role) ?? null;

/** The headline, a sentence or two each. */
export function searchHeadline(result: SearchResult): string[] {
  const { finished, comparisons, trials, seed, target, data } = result;
  if (!finished)
    return [
      `The search was stopped after ${counted(trials.length, 'measurement')}: it has no winner yet, and its controls have not run.`,
    ];
  const final = returnedFinal(result);
  return [
    returnedSentence(result, final),
    ...(final?.fresh ? [freshSentence(final.fresh, data.freshIs)] : []),
    ...(final?.fresh || !final?.held ? [] : [heldSentence(final.held, data.held)]),
    ...comparisons.map(differenceSentence),
    ...(final?.measured && target.exponent === null && final.measured > target.value
      ? [
          `Measured, it takes ${costText(final.measured, target.unit)}: more than the target, which its prediction of ${costText(final.cost, target.unit)} keeps.`,
        ]
      : []),
    `This is one search with one seed (${seed}): intervals are over pictures, and another seed may give another network.`,
  ];
}

function returnedSentence({ returned, target }: SearchResult, final: Final | null): string {
  const { role, reason } = returned;
  const cost = final ? (final.measured ?? final.cost) : null;
  const how = final?.measured ? 'measured' : target.unit === 'ms' ? 'predicted' : 'counted';
  const figures =
    cost === null ? '' : ` (${costText(cost, target.unit)} ${how}; the target is ${targetText(target)})`;
  return `Returned is ${roleName(role)}${figures}: ${reason.replace(/[.\s]+$/, '')}.`;
}

/** How many of the pictures that nothing was chosen on are right. */
function freshSentence({ accuracy, loss, pictures }: NonNullable<Final['fresh']>, what: string): string {
  const right = Math.round(accuracy * pictures);
  const interval = wilson(right, pictures);
  return `Of ${counted(pictures, 'picture')} that the search never saw (${what}) it has ${right.toLocaleString('en-US')} right: accuracy ${percent(accuracy)}${interval ? `, 95 % interval ${percentRange(interval)}` : ''}; loss ${loss.toFixed(3)}.`;
}

function heldSentence({ accuracy, loss }: NonNullable<Final['held']>, pictures: number): string {
  return `There are no pictures that the search never saw. Of the ${pictures.toLocaleString('en-US')} that it was chosen on it has ${percent(accuracy)} right (loss ${loss.toFixed(3)}), which flatters it.`;
}
