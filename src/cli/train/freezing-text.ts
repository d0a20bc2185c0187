/** What freezing saves, in lines for a terminal: the stages with their rates, what a step takes, and what was measured. */
import type { FreezingFigures, FreezingPhase, StepWork } from '../../train/freezing.ts';
import { formatBytes, formatCount, formatNumber, formatSeconds, table } from '../ui.ts';

/** Phases side by side: more would not fit eighty columns. */
const SIDE_BY_SIDE = 3;

/** The table of stages and of what a step takes; further tables where there are many phases. */
export function freezingTable({ phases, everything }: FreezingFigures): string[] {
  const lines: string[] = [];
  for (let first = 0; first < phases.length; first += SIDE_BY_SIDE) {
    const some = phases.slice(first, first + SIDE_BY_SIDE);
    const rows = [
      headings(some, phases.length, everything),
      ...stageRows(some, everything !== null),
      ...stepRows(some, everything),
    ];
    lines.push(...table(rows, { left: (column) => column !== 1 }).split('\n'));
  }
  lines.push(...notesOn(phases, everything));
  return lines;
}

function headings(some: readonly FreezingPhase[], phases: number, everything: StepWork | null): string[] {
  const epochs = ([first, last]: FreezingPhase['epochs']): string =>
    first === last ? `epoch ${first}` : `epochs ${first}-${last}`;
  const columns = some.map((phase) => (phases === 1 ? 'rate' : epochs(phase.epochs)));
  return ['stage', 'parameters', ...columns, ...(everything ? ['everything'] : [])];
}

function stageRows(some: readonly FreezingPhase[], compared: boolean): string[][] {
  return some[0].stages.map(({ stage, parameters }, place) => [
    stage,
    formatCount(parameters),
    ...some.map(({ stages, frozenNorms }) => {
      const { rate, trainable, parameters: all } = stages[place];
      if (rate === null) return all === 0 ? '' : 'frozen';
      const part = trainable < all && !frozenNorms ? ` (${formatCount(trainable)})` : '';
      return `${formatNumber(rate)}${part}`;
    }),
    ...(compared ? [''] : []),
  ]);
}

function stepRows(some: readonly FreezingPhase[], everything: StepWork | null): string[][] {
  const row = (name: string, cell: (step: StepWork) => string): string[] => [
    name,
    '',
    ...some.map(({ step }) => (step ? cell(step) : 'too large')),
    ...(everything ? [cell(everything)] : []),
  ];
  const rows = [
    row('multiply-adds', ({ multiplyAdds }) => formatCount(multiplyAdds)),
    row('memory', ({ peakBytes }) => formatBytes(peakBytes)),
  ];
  if (everything)
    rows.push(row('time, about', ({ multiplyAdds }) => shareOf(multiplyAdds, everything.multiplyAdds)));
  return rows;
}

const shareOf = (part: number, whole: number): string => `${formatNumber((100 * part) / whole, 2)} %`;

function notesOn(phases: readonly FreezingPhase[], everything: StepWork | null): string[] {
  const notes: string[] = [];
  if (everything)
    notes.push(
      'The last rows are of a step: multiply-adds and memory are counted; the time is taken to go with the multiply-adds, an estimate.',
    );
  if (phases.some(({ frozenNorms }) => frozenNorms))
    notes.push('Batch norms stay as they are; --train-norms lets them train.');
  return notes;
}

/** What freezing did save, a line a phase; nothing where everything trained. */
export function freezingSaved({ phases, everything }: FreezingFigures): string[] {
  if (!everything) return [];
  return phases.flatMap(({ step, epochs: [first, last] }) => {
    if (!step) return [];
    const where =
      phases.length === 1
        ? 'A step'
        : first === last
          ? `Epoch ${first}: a step`
          : `Epochs ${first} to ${last}: a step`;
    const memory = `${formatBytes(step.peakBytes)} of memory in place of ${formatBytes(everything.peakBytes)}`;
    const time =
      step.seconds !== null && everything.seconds !== null
        ? `${formatSeconds(step.seconds)} in place of ${formatSeconds(everything.seconds)} with everything training (measured alone, after the run)`
        : `${shareOf(step.multiplyAdds, everything.multiplyAdds)} of the multiply-adds of one with everything training (counted; the run was too short to measure that)`;
    return [`${where} took ${time}, ${memory}.`];
  });
}
