/** A batch norm's two kinds of statistics side by side, channel by channel: those of the batch, and the running ones. */
import { useSignal } from '@preact/signals';
import { hashOf } from '../../route.ts';
import { route } from '../../state.ts';
import type { NormSeen, RunningSeen, StepSeen } from '../../step.ts';
import { figure } from './numbers.ts';

export function NormPanel({ seen: { norms, model } }: { seen: StepSeen }) {
  if (norms.length === 0)
    return (
      <>
        <h3>Batch norm</h3>
        <p>{model} has none.</p>
      </>
    );
  const asked = route.value.rest[1];
  const norm = norms.find(({ path }) => path === asked) ?? norms.find(({ batch }) => batch) ?? norms.at(-1)!;
  return (
    <section aria-labelledby="norms">
      <h3 id="norms">Batch norm: two kinds of statistics</h3>
      <label class="field">
        Layer
        <select
          value={norm.path}
          onChange={({ currentTarget }) => {
            location.hash = hashOf('step', model, currentTarget.value);
          }}
        >
          {norms.map(({ path, batch }) => (
            <option key={path} value={path}>
              {path} ({batch ? 'learns: the batch’s' : 'frozen: the running ones'})
            </option>
          ))}
        </select>
      </label>
      <p class="formula">
        <code>y = γ · (x − μ) / √(σ² + ε) + β</code>, for each channel by itself
      </p>
      <p>
        In training mode μ and σ² are those of the {norm.rows.toLocaleString('en')} values that the batch
        gives a channel; so a picture's result depends on the pictures beside it. In evaluation mode they are
        the running ones, averages over the steps of training, and a picture's answer is its own. A step in
        training mode moves the running ones towards the batch's by the momentum, here {norm.momentum}.
        {norm.batch
          ? ' This norm learns, so this step used the batch’s and moved the running ones.'
          : ' This norm is frozen: the step used the running ones and left them as they are; the batch’s are shown to compare.'}
      </p>
      <div class="norm-plots">
        <Plot title="Mean μ" batch={norm.batchMean} running={norm.runningMean.before} />
        <Plot title="Deviation σ" batch={roots(norm.batchVar)} running={roots(norm.runningVar.before)} />
      </div>
      <Channel key={norm.path} norm={norm} />
    </section>
  );
}

const roots = (values: Float32Array): Float32Array => values.map(Math.sqrt);

const [WIDE, TALL] = [480, 150];

interface PlotProps {
  title: string;
  batch: Float32Array;
  running: Float32Array;
}

/** Channels in the order of their running statistic: that one as a line, the batch's as points. */
function Plot({ title, batch, running }: PlotProps) {
  const order = Array.from(running.keys()).sort((a, b) => running[a]! - running[b]! || a - b);
  const all = [...batch, ...running];
  const low = all.reduce((a, b) => Math.min(a, b));
  const high = all.reduce((a, b) => Math.max(a, b));
  const x = (place: number): number => (WIDE * (place + 0.5)) / order.length;
  const y = (value: number): number => TALL * (1 - (value - low) / (high - low || 1));
  const off = Math.sqrt(order.reduce((sum, c) => sum + (batch[c]! - running[c]!) ** 2, 0) / order.length);
  return (
    <figure>
      <svg
        viewBox={`-4 -6 ${WIDE + 8} ${TALL + 12}`}
        role="img"
        aria-label={`${title} of ${order.length} channels, from ${figure(low)} to ${figure(high)}: batch and running differ by ${figure(off)} (root of the mean square)`}
      >
        {low < 0 && high > 0 && <line class="axis" x1="0" x2={WIDE} y1={y(0)} y2={y(0)} />}
        <path
          class="batch"
          d={order
            .map((channel, place) => `M${x(place).toFixed(1)} ${y(batch[channel]!).toFixed(1)}h0`)
            .join('')}
        />
        <polyline
          class="running"
          points={order
            .map((channel, place) => `${x(place).toFixed(1)},${y(running[channel]!).toFixed(1)}`)
            .join(' ')}
        />
      </svg>
      <figcaption>
        {title} of {order.length} channels, {figure(low)} to {figure(high)}:{' '}
        <span class="running">running (line)</span>, <span class="batch">the batch's (points)</span>
      </figcaption>
    </figure>
  );
}

/** How the running statistics of one channel move. */
function Channel({ norm }: { norm: NormSeen }) {
  const channel = useSignal(0);
  const { batchMean, batchVar, rows, momentum, batch, runningMean, runningVar } = norm;
  const c = channel.value;
  const unbiased = (batchVar[c]! * rows) / Math.max(1, rows - 1);
  return (
    <>
      <label class="field">
        Channel
        <input
          type="number"
          min="0"
          max={batchMean.length - 1}
          value={c}
          onInput={({ currentTarget: { value } }) => {
            const wanted = Math.round(Number(value));
            if (wanted >= 0 && wanted < batchMean.length) channel.value = wanted;
          }}
        />
      </label>
      <p class="formula">
        <code>running ← (1 − momentum) · running + momentum · batch</code>
        <br />
        <Moved name="μ" {...{ momentum, batch, c }} of={batchMean[c]!} running={runningMean} />
        <br />
        <Moved name="σ²" {...{ momentum, batch, c }} of={unbiased} running={runningVar} />
      </p>
      <p class="muted small">
        The variance that moves the running one is divided by the number of values less one ({rows - 1}); the
        one that normalises, by their number.
      </p>
    </>
  );
}

interface MovedProps {
  name: string;
  momentum: number;
  batch: boolean;
  c: number;
  of: number;
  running: RunningSeen;
}

const Moved = ({ name, momentum, batch, c, of, running: { before, after } }: MovedProps) => (
  <code>
    {batch
      ? `${name}: ${figure(1 - momentum)} · ${figure(before[c]!, 5)} + ${momentum} · ${figure(of, 5)} = ${figure(after[c]!, 5)}`
      : `${name}: stays ${figure(before[c]!, 5)}; the batch’s is ${figure(of, 5)}`}
  </code>
);
