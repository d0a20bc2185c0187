/** The likeliest classes, each with a bar as long as its probability. */
import type { Answer } from '../contract.ts';

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A class as people say it: ImageNet names some by several words, of which the first is the usual one. */
export const shortName = (name: string): string => name.split(',')[0]!;

export function Bars({ answer, classes }: { answer: Answer; classes: readonly string[] }) {
  return (
    <ol class="bars">
      {answer.top.map((index) => {
        const share = answer.probabilities[index]!;
        return (
          <li key={index}>
            <span class="class" title={classes[index]}>
              {shortName(classes[index]!)}
            </span>
            <span class="share">{percent(share)}</span>
            <span class="bar" style={{ inlineSize: `${Math.max(0.4, 100 * share)}%` }} />
          </li>
        );
      })}
    </ol>
  );
}
