/** The lesson's course: the loss of what it learns and of what was held out, epoch by epoch. */
import { course, type Epoch } from './lesson.ts';

const [WIDTH, HEIGHT] = [480, 150];

export function Curve() {
  const epochs = course.value;
  if (epochs.length === 0) return null;
  const losses = epochs.flatMap(({ trainLoss, valLoss }) => [trainLoss, valLoss ?? 0]);
  const most = losses.reduce((a, b) => Math.max(a, b), 1e-9);
  const line = (value: (epoch: Epoch) => number | null): string =>
    epochs
      .flatMap((epoch, i) => {
        const y = value(epoch);
        return y === null
          ? []
          : [`${(WIDTH * i) / Math.max(1, epochs.length - 1)},${HEIGHT * (1 - y / most)}`];
      })
      .join(' ');
  const last = epochs.at(-1)!;
  const held = last.valLoss === null ? '' : `; held out ${last.valLoss.toFixed(3)}`;
  return (
    <figure class="curve">
      <svg
        viewBox={`-2 -4 ${WIDTH + 4} ${HEIGHT + 8}`}
        role="img"
        aria-label={`Loss after ${epochs.length} epochs: ${last.trainLoss.toFixed(3)}${held}`}
      >
        <line x1="0" y1={HEIGHT} x2={WIDTH} y2={HEIGHT} class="axis" />
        <polyline points={line(({ trainLoss }) => trainLoss)} class="learnt" />
        <polyline points={line(({ valLoss }) => valLoss)} class="held-out" />
      </svg>
      <figcaption>
        Loss, from {most.toFixed(2)} down to 0: <span class="learnt">learnt {last.trainLoss.toFixed(3)}</span>
        {last.valLoss !== null && <span class="held-out">, held out {last.valLoss.toFixed(3)}</span>}
        {last.accuracy !== null &&
          `; ${(100 * last.accuracy).toFixed(0)} % of the held-out pictures are right`}
      </figcaption>
    </figure>
  );
}
