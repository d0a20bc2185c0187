/** What is said first of a search, in sentences: what it gives, on which pictures that was measured, against which controls. */
import { counted, formatNumber } from '../text/figures.ts';
import { percentRange, wilson } from '../train/evaluation/intervals.ts';
import { percent } from '../train/metrics.ts';
import { formatCost } from './cost/target.ts';
import type { Comparison, Final, FinalRole, SearchResult, Target } from './result.ts';

const ROLES: Readonly<Record<FinalRole, string>> = {
  winner: "the search's winner",
  'hand-made': 'the hand-made network',
  random: "random search's best",
  efficientnet_b0: 'EfficientNet-B0',
  mobilenet_v2: 'MobileNetV2',
};

/** `the hand-made network`; what is no role stays as it is. */
export const roleName = (role: string): string => ROLES[role as FinalRole] ?? role;

/** `at most 5 ms for 1 picture`; of a soft target `about 5 ms for 1 picture (exponent 0.07)`. */
export function targetText({ unit, value, exponent, batch }: Target): string {
  const limit = formatCost(value, unit) + (unit === 'ms' ? ` for ${counted(batch, 'picture')}` : '');
  return exponent === null ? `at most ${limit}` : `about ${limit} (exponent ${formatNumber(exponent)})`;
}

/** Whether an interval leaves zero out. */
export const beyond = ([low, high]: readonly [number, number]): boolean => low > 0 || high < 0;

/** `0.64`, `0.012`, `below 0.001`; a dash where there is none. */
export function pText(p: number): string {
  if (!Number.isFinite(p)) return '–';
  return p < 0.001 ? 'below 0.001' : p.toFixed(p < 0.1 ? 3 : 2);
}

/** What is less likely than this between equal networks is called a difference. */
export const SIGNIFICANT = 0.05;

/**
 * A difference of losses in plain words: `The search's winner has a loss 0.034 below that of the hand-made network on 2,000
 * pictures (95 % interval of the difference −0.056 to −0.012): beyond its interval.`
 */
export function lossSentence({ of, pictures, difference, interval }: Comparison): string {
  const [first, second] = of.map(roleName);
  const size = Math.abs(difference).toFixed(3);
  const loss =
    Number(size) === 0
      ? `has the same loss as ${second}`
      : `has a loss ${size} ${difference < 0 ? 'below' : 'above'} that of ${second}`;
  const verdict = beyond(interval)
    ? 'beyond its interval'
    : 'not beyond its interval, so that either may be the better one';
  return `${capital(first)} ${loss} on ${counted(pictures, 'picture')} (95 % interval of the difference ${rangeText(interval)}): ${verdict}.`;
}

/**
 * What two networks have right: `The search's winner alone has 161 of the 2,000 pictures right, the hand-made network alone
 * 130 (McNemar's p 0.08): no more of a difference than chance gives.`
 */
export function rightSentence({ of, pictures, onlyFirst, onlySecond, p }: Comparison): string {
  const [first, second] = of.map(roleName);
  const chance =
    p < SIGNIFICANT ? 'more of a difference than chance gives' : 'no more of a difference than chance gives';
  return `${capital(first)} alone has ${onlyFirst.toLocaleString('en-US')} of the ${counted(pictures, 'picture')} right, ${second} alone ${onlySecond.toLocaleString('en-US')} (McNemar's p ${pText(p)}): ${chance}.`;
}

/** With its sign, a minus as wide as a plus; a dash where there is no number. */
export const signed = (value: number, digits = 3): string => {
  if (!Number.isFinite(value)) return '–';
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
};

/** `−0.056 to −0.012`. */
export const rangeText = ([low, high]: readonly [number, number], digits = 3): string =>
  `${signed(low, digits)} to ${signed(high, digits)}`;

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
    // Winner against hand-made: the reason above has their losses.
    ...comparisons.map((one) =>
      one.of.includes('hand-made') ? rightSentence(one) : `${lossSentence(one)} ${rightSentence(one)}`,
    ),
    ...result.finals.flatMap(taughtSentence),
    ...(final?.measured && target.exponent === null && final.measured > target.value
      ? [
          `Measured, it takes ${formatCost(final.measured, target.unit)}: more than the target, which its prediction of ${formatCost(final.cost, target.unit)} keeps.`,
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
    cost === null ? '' : ` (${formatCost(cost, target.unit)}, ${how}; the target is ${targetText(target)})`;
  return `Returned is ${roleName(role)}${figures}. ${reason}`;
}

/** What a teacher was worth: the same network with and without it. Nothing where none took part. */
function taughtSentence({ role, untaught, fresh: taught }: Final): string[] {
  if (!untaught || !taught) return [];
  const figures = ({ loss, accuracy }: { loss: number; accuracy: number }): string =>
    `a loss of ${loss.toFixed(3)} and ${percent(accuracy)} right`;
  return [
    `${capital(roleName(role))} learnt from the teacher and has ${figures(taught)} on the fresh pictures; trained for as many steps without it, ${figures(untaught)}.`,
  ];
}

/** How many of the pictures that the search never saw are right. */
function freshSentence({ accuracy, loss, pictures }: NonNullable<Final['fresh']>, what: string): string {
  const right = Math.round(accuracy * pictures);
  const interval = wilson(right, pictures);
  return `Of ${counted(pictures, 'picture')} that the search never saw (${what}) it has ${right.toLocaleString('en-US')} right: accuracy ${percent(accuracy)}${interval ? `, 95 % interval ${percentRange(interval)}` : ''}; loss ${loss.toFixed(3)}.`;
}
