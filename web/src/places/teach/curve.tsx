/** The lessons' course: the loss of what is learnt and of what was held out, epoch by epoch, a line where another one began. */
import type { Epoch } from '../../lesson.ts';
import { courses } from './lesson.ts';

const [WIDTH, HEIGHT] = [480, 150];

export function Curve() {
  const parts = courses.value.filter((part) => part.length > 0);
  const epochs = parts.flat();
  if (epochs.length === 0) return null;
  const losses = epochs.flatMap(({ trainLoss, valLoss }) => [trainLoss, valLoss ?? 0]);
  const most = losses.reduce((a, b) => Math.max(a, b), 1e-9);
  const x = (place: number): number => (WIDTH * place) / Math.max(1, epochs.length - 1);
  const line = (value: (epoch: Epoch) => number | null): string =>
    epochs
      .flatMap((epoch, i) => {
        const y = value(epoch);
        return y === null ? [] : [`${x(i)},${HEIGHT * (1 - y / most)}`];
      })
      .join(' ');
  const last = epochs.at(-1)!;
  const held = last.valLoss === null ? '' : `; held out ${last.valLoss.toFixed(3)}`;
  const begins = parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).flat().length - 0.5);
  return (
    <figure class="curve">
      <svg
        viewBox={`-2 -4 ${WIDTH + 4} ${HEIGHT + 8}`}
        role="img"
        aria-label={`Loss after ${epochs.length} epochs: ${last.trainLoss.toFixed(3)}${held}`}
      >
        <line x1="0" y1={HEIGHT} x2={WIDTH} y2={HEIGHT} class="axis" />
        {begins.map((place) => (
          <line key={place} x1={x(place)} y1="0" x2={x(place)} y2={HEIGHT} class="axis" />
        ))}
        <polyline points={line(({ trainLoss }) => trainLoss)} class="learnt" />
        <polyline points={line(({ valLoss }) => valLoss)} class="held-out" />
      </svg>
      <figcaption>
        Loss, from {most.toFixed(2)} down to 0: <span class="learnt">learnt {last.trainLoss.toFixed(3)}</span>
        {last.valLoss !== null && <span class="held-out">, held out {last.valLoss.toFixed(3)}</span>}
        {last.accuracy !== null &&
          `; ${(100 * last.accuracy).toFixed(0)} % of the held-out pictures are right`}
        {begins.length > 0 && '; where a line stands, more of the network began to learn'}
      </figcaption>
    </figure>
  );
}
