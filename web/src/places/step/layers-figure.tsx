/**
 * All layers from left to right, in three rows: what each computes, what gradient comes back to it, how far its weights
 * move. A bar appears when its moment has come; what is frozen is grey, and the backward pass ends at a line.
 */
import { Fragment } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LayerSeen, StepSeen } from '../../step.ts';
import { firstLearning, type Shown, shownAt } from './course.ts';
import { figure } from './numbers.ts';
import type { Player } from './player.ts';

interface Row {
  name: keyof Shown;
  title: string;
  value: (layer: LayerSeen) => number | null;
}

const ROWS: readonly Row[] = [
  { name: 'forward', title: 'Forward: RMS of results', value: ({ rms }) => rms },
  {
    name: 'backward',
    title: 'Backward: norm of their gradients',
    value: ({ gradient }) => gradient,
  },
  { name: 'update', title: 'Update: change over norm of weights', value: changeOf },
];

/** Of all parameters of a layer that learn: √Σ(Δw)² over √Σw². */
export function changeOf({ parameters }: LayerSeen): number | null {
  const learning = parameters.filter(({ learns }) => learns);
  const total = (of: (parameter: LayerSeen['parameters'][number]) => number): number =>
    Math.hypot(...learning.map(of));
  const norm = total(({ norm }) => norm);
  return learning.length > 0 && norm > 0 ? total(({ update }) => update!) / norm : null;
}

/** Units of the drawing: the height of a row, and of the names of stages below. */
const [TALL, NAMES] = [56, 76];
/** The width of a layer, at least and at most, and of all of them where that lets them. */
const [NARROWEST, WIDEST, WHOLE] = [9, 40, 1080];

export function LayersFigure({ seen, player }: { seen: StepSeen; player: Player }) {
  const { layers } = seen;
  const moment = player.moment.value;
  const place = useRef<HTMLElement>(null);
  const wide = Math.min(WIDEST, Math.max(NARROWEST, WHOLE / layers.length));
  const width = wide * layers.length;
  const now = moment.layer;
  // On a narrow screen the figure scrolls by itself, and the layer that it is about stays in view.
  useEffect(() => {
    if (now === null) return;
    const { clientWidth, scrollWidth } = place.current!;
    place.current!.scrollLeft = ((now + 0.5) / layers.length) * scrollWidth - clientWidth / 2;
  }, [now, layers.length]);
  const first = firstLearning(layers);
  const stages = stagesOf(layers);
  return (
    <figure class="glass-figure">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard. */}
      <section ref={place} class="scrolls" tabIndex={0} aria-label="The layers">
        <div
          style={{ inlineSize: `max(100%, ${width}px)` }}
          role="img"
          aria-label={`${layers.length} layers in three rows: results, gradients and updates. The table below has the figures.`}
        >
          {ROWS.map((row, i) => {
            const known = layers.flatMap((layer) => row.value(layer) || []);
            const range: [number, number] = [Math.min(...known), Math.max(...known)];
            return (
              <Fragment key={row.name}>
                <span class="row-title">
                  {row.title}
                  {known.length > 0 && `, ${figure(range[0])} to ${figure(range[1])}`}
                </span>
                <svg viewBox={`0 0 ${width} ${TALL}`} class={row.name} aria-hidden="true">
                  {stages.map(
                    ({ name, start, count }, i) =>
                      i % 2 === 0 && (
                        <rect
                          key={name}
                          class="band"
                          x={start * wide}
                          y="0"
                          width={count * wide}
                          height={TALL}
                        />
                      ),
                  )}
                  {i > 0 && <rect class="frozen" x="0" y="0" width={first * wide} height={TALL} />}
                  {now !== null && <rect class="now" x={now * wide} y="0" width={wide} height={TALL} />}
                  <Bars
                    {...{ row, layers, wide, range }}
                    shown={(layer) => shownAt(moment, layer)[row.name]}
                  />
                  {i > 0 && first > 0 && (
                    <line
                      class={shownAt(moment, first).backward ? 'ends reached' : 'ends'}
                      x1={first * wide}
                      x2={first * wide}
                      y1="0"
                      y2={TALL}
                    />
                  )}
                </svg>
              </Fragment>
            );
          })}
          <svg viewBox={`0 0 ${width} ${NAMES}`} aria-hidden="true">
            {stages.map(({ name, start, count }) => (
              <text key={name} transform={`translate(${(start + count / 2) * wide - 4} 4) rotate(90)`}>
                {name}
              </text>
            ))}
          </svg>
        </div>
      </section>
      <figcaption>
        Bars are logarithms, each row from its smallest to its largest value.
        {first > 0 &&
          ` Grey: ${first} frozen layers. Nothing flows back beyond the line, the first thing that learns.`}
      </figcaption>
    </figure>
  );
}

interface BarsProps {
  row: Row;
  layers: readonly LayerSeen[];
  wide: number;
  range: readonly [low: number, high: number];
  shown: (layer: number) => boolean;
}

function Bars({ row: { value }, layers, wide, range: [low, high], shown }: BarsProps) {
  const span = Math.log(high / low);
  return layers.map((layer, place) => {
    const size = value(layer);
    if (!size) return null;
    const tall = (TALL - 4) * (span > 0 ? 0.12 + (0.88 * Math.log(size / low)) / span : 1);
    return (
      <rect
        key={layer.path}
        class={shown(place) ? 'bar lit' : 'bar'}
        x={place * wide + wide * 0.12}
        y={TALL - tall}
        width={wide * 0.76}
        height={tall}
      />
    );
  });
}

/** Layers that follow each other in a stage. */
function stagesOf(layers: readonly LayerSeen[]): { name: string; start: number; count: number }[] {
  const stages: { name: string; start: number; count: number }[] = [];
  for (const [place, { stage }] of layers.entries()) {
    const last = stages.at(-1);
    if (last?.name === stage) last.count++;
    else stages.push({ name: stage, start: place, count: 1 });
  }
  return stages;
}
