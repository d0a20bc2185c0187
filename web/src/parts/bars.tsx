/** The likeliest classes, each with a bar as long as its probability, and what is called of them where a threshold decides. */
import type { Decided } from '../../../src/train/decided.ts';
import type { Answer, NetworkFacts } from '../contract.ts';

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A class as people say it: ImageNet names some by several words, of which the first is the usual one. */
export const shortName = (name: string): string => name.split(',')[0]!;

/** From which probability a class is called; undefined where no threshold is for it. */
export const thresholdOf = ({ calling, thresholds }: Decided, index: number): number | undefined =>
  thresholds
    ? thresholds[index]
    : calling && (calling.positive ?? 1) === index
      ? calling.threshold
      : undefined;

/** The probability of a class, and the threshold that it is held against. */
export function shareText({ probabilities }: Answer, decided: Decided, index: number): string {
  const threshold = thresholdOf(decided, index);
  const share = percent(probabilities[index]!);
  return threshold === undefined ? share : `${share}, called from ${percent(threshold)}`;
}

export function Bars({ answer, facts }: { answer: Answer; facts: NetworkFacts }) {
  const { classes, decided } = facts;
  return (
    <>
      <ol class="bars">
        {answer.top.map((index, place) => {
          const threshold = thresholdOf(decided, index);
          const said = answer.called ? answer.called.includes(index) : place === 0;
          return (
            <li key={index}>
              <span class={said ? 'class said' : 'class'} title={classes[index]}>
                {shortName(classes[index]!)}
              </span>
              <span class="share">{shareText(answer, decided, index)}</span>
              <span
                class="bar"
                style={{ inlineSize: `${Math.max(0.4, 100 * answer.probabilities[index]!)}%` }}
              />
              {threshold !== undefined && (
                <span class="threshold" style={{ insetInlineStart: `${100 * threshold}%` }} />
              )}
            </li>
          );
        })}
      </ol>
      {answer.called && <p class="small">{calledText(answer.called, classes)}</p>}
    </>
  );
}

const calledText = (called: readonly number[], classes: readonly string[]): string =>
  called.length === 0
    ? 'No label is called.'
    : `Called: ${called.map((index) => shortName(classes[index]!)).join(', ')}.`;
