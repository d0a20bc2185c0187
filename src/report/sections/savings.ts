/** What freezing and the feature cache saved. */
import { formatBytes, formatCount, formatNumber, formatSeconds } from '../../text/figures.ts';
import type { CacheFigures } from '../../train/callbacks/cache-figures.ts';
import type { FreezingFigures, FreezingPhase, StageState, StepWork } from '../../train/freezing.ts';
import type { SavingsPart } from '../document.ts';
import { type Html, html } from '../html.ts';
import { table } from '../parts.ts';

export function savings({ freezing, cache }: SavingsPart): Html {
  return html`${frozen(freezing)}${cached(cache)}`;
}

function frozen({ phases, everything }: FreezingFigures): Html {
  const names = phases.map(({ epochs: [first, last] }) =>
    first === last ? `epoch ${first}` : `epochs ${first}–${last}`,
  );
  const compared = everything ? ['everything'] : [];
  const row = (name: string, of: (step: StepWork, phase?: FreezingPhase) => string) => [
    name,
    ...phases.map((phase) => (phase.step ? of(phase.step, phase) : 'too large')),
    ...(everything ? [of(everything)] : []),
  ];
  const seconds = (value: number | null | undefined): string => (value ? formatSeconds(value) : '–');
  return html`${table(
    'What trained, at which highest learning rate',
    ['stage', 'parameters', ...names],
    phases[0].stages.map(({ stage, parameters }, place) => [
      stage,
      formatCount(parameters),
      ...phases.map(({ stages, frozenNorms }) => rateOf(stages[place], frozenNorms)),
    ]),
  )}
${phases.some(({ frozenNorms }) => frozenNorms) && html`<p>Batch norms stayed as they are.</p>`}
${table(
  everything ? 'A step, and one in which everything trains' : 'A step',
  ['', ...names, ...compared],
  [
    row('multiply-adds', ({ multiplyAdds }) => formatCount(multiplyAdds)),
    row('memory', ({ peakBytes }) => formatBytes(peakBytes)),
    row('time alone', ({ seconds: alone }) => seconds(alone)),
    row('time in the run', (_, phase) => seconds(phase?.runSeconds)),
  ],
)}
<p>Multiply-adds and memory are counted. Times are measured: alone after the run, where that was cheap; in the run with loading, a mean of its epochs.</p>`;
}

function rateOf({ rate, trainable, parameters }: StageState, frozenNorms: boolean): string {
  if (rate === null) return parameters === 0 ? '' : 'frozen';
  const part = trainable < parameters && !frozenNorms ? ` (${formatCount(trainable)} of them)` : '';
  return `${formatNumber(rate)}${part}`;
}

/** Nothing where nothing that was kept was asked for again. */
function cached({ computed, reused, where, bytes, first, later, speedUp }: CacheFigures): Html | null {
  if (reused === 0) return null;
  const kept =
    where === null ? '' : `, ${formatBytes(bytes)} ${where === 'memory' ? 'in memory' : 'on the disk'}`;
  const times =
    speedUp === null
      ? ''
      : ` An epoch took ${formatSeconds(later.meanSeconds!)} from the cache and ${formatSeconds(first.meanSeconds!)} where all features were computed: ${formatNumber(speedUp)} times as fast.`;
  return html`<p>Feature cache: what the frozen stages make of a picture was computed ${computed.toLocaleString('en-US')} times and used again ${reused.toLocaleString('en-US')} times${kept}.${times}</p>`;
}
