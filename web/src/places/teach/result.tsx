/** What a lesson came to: figures of held-out pictures, what learnt at which cost, and the network as a file. */
import { useSignal } from '@preact/signals';
import type { Gain, StepCost, Taught } from '../../lesson.ts';
import { percent } from '../../parts/bars.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import { forget, type TaughtLesson } from './classes.ts';
import { letItAnswer, saveNetwork } from './files.ts';
import { thaw, upToDate } from './lesson.ts';

export function Result({ lesson }: { lesson: TaughtLesson }) {
  const { taught } = lesson;
  const { right, held, interval, frozenParameters, trainedParameters, learnt, seconds } = taught;
  const number = (count: number): string => count.toLocaleString('en');
  return (
    <section class="part" aria-labelledby="taught">
      <h2 id="taught">
        What it learnt{' '}
        <span class="muted">
          on {learnt.base.model}, {learnt.base.weights}
        </span>
      </h2>
      {!upToDate.value && (
        <p class="note">
          Classes or pictures have changed since; this is of those of then. <em>Teach anew</em> takes those of
          now.
        </p>
      )}
      <p>
        {held > 0 && interval
          ? `${right} of ${held} held-out pictures are right, ${percent(right / held)} (95 % interval ${interval}).`
          : 'Nothing was held out: a class needs four pictures for that, which do not all look the same.'}{' '}
        {taught.gain && gainText(taught.gain, held)}
      </p>
      <p>
        {number(trainedParameters)} values learnt and have gradients
        {learnt.trainFrom === 'head' ? '' : ` (${learnt.trainFrom} and what follows it)`};{' '}
        {number(frozenParameters)} are frozen and have none: what they make of a picture was computed once, in{' '}
        {seconds.toFixed(1)} s with all else.
      </p>
      {held > 0 && <Confusion taught={taught} />}
      <Cost lesson={lesson} />
      {upToDate.value && taught.stages.length > 0 && <Thaw taught={taught} />}
      <div class="row gap">
        <button type="button" onClick={() => void saveNetwork('safetensors')}>
          Save the network
        </button>
        <button type="button" onClick={() => void saveNetwork('onnx')}>
          Save as ONNX
        </button>
        <button type="button" onClick={() => void letItAnswer()}>
          Let it answer
        </button>
        <button type="button" onClick={forget}>
          Forget what it learnt
        </button>
      </div>
      <p class="muted small">
        <code>npm run predict -- --weights taught.safetensors photo.jpg</code> answers with it, and{' '}
        <code>npm run train -- --weights taught.safetensors</code> goes on from it. <em>Save the lesson</em>{' '}
        writes one file of pictures, classes and what was learnt, to open on another machine.
      </p>
    </section>
  );
}

/** What a lesson gained, and whether so many pictures can tell. */
function gainText({ before, after, low, high }: Gain, held: number): string {
  const points = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
  const change = (100 * (after - before)) / held;
  const range = `${points(low)} to ${points(high)}`;
  const sure =
    low > 0 ? 'it helped' : high < 0 ? 'it did harm' : 'so few pictures cannot tell whether it helped';
  return `Before, ${before} were: ${points(change)} points (95 % interval ${range}); ${sure}.`;
}

interface TableProps {
  label: string;
  caption: string;
  name: string;
  columns: readonly string[];
  rows: readonly { name: string; cells: readonly { text: string; departs?: boolean }[] }[];
}

function Table({ label, caption, name, columns, rows }: TableProps) {
  return (
    <Scrolls label={label}>
      <table class={name}>
        <caption class="muted">{caption}</caption>
        <thead>
          <tr>
            <td />
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              {row.cells.map(({ text, departs }, at) => (
                <td key={columns[at]} class={departs ? 'departs' : undefined}>
                  {text}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolls>
  );
}

function Confusion({ taught: { confusion, learnt } }: { taught: Taught }) {
  return (
    <Table
      label="Confusion"
      caption="Rows: what held-out pictures are. Columns: what they are taken for."
      name="confusion"
      columns={learnt.classes}
      rows={confusion.map((row, is) => ({
        name: learnt.classes[is]!,
        cells: row.map((count, taken) => ({ text: String(count), departs: is !== taken && count > 0 })),
      }))}
    />
  );
}

const bytes = (count: number): string =>
  count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;

const COSTS: readonly (readonly [what: string, value: (cost: StepCost) => string])[] = [
  ['Values that learn', ({ parameters }) => parameters.toLocaleString('en')],
  ['A step', ({ ms }) => `${ms < 100 ? ms.toPrecision(2) : ms.toFixed(0)} ms`],
  ['Gradients', ({ gradientBytes }) => bytes(gradientBytes)],
  ["The optimiser's memory", ({ optimizerBytes }) => bytes(optimizerBytes)],
];

function Cost({ lesson: { taught, headStep } }: { lesson: TaughtLesson }) {
  const { step, learnt } = taught;
  if (!step) return null;
  const columns: (readonly [string, StepCost])[] = headStep ? [['The head alone', headStep]] : [];
  if (learnt.trainFrom !== 'head') columns.push([`From ${learnt.trainFrom} on`, step]);
  return (
    <Table
      label="What a step costs"
      caption={`A step of ${step.pictures} pictures on this GPU, from what the frozen part made of them: a median of five.`}
      name="costs"
      columns={columns.map(([name]) => name)}
      rows={COSTS.map(([name, value]) => ({
        name,
        cells: columns.map(([, cost]) => ({ text: value(cost) })),
      }))}
    />
  );
}

function Thaw({ taught: { stages } }: { taught: Taught }) {
  const from = useSignal(stages[0]!);
  return (
    <div class="row thaw">
      <label class="field">
        Let more of it learn, from
        <select
          value={from.value}
          onChange={({ currentTarget }) => {
            from.value = currentTarget.value;
          }}
        >
          {stages.map((stage) => (
            <option key={stage}>{stage}</option>
          ))}
        </select>
      </label>
      <button type="button" onClick={() => thaw(from.value)}>
        Thaw it
      </button>
      <span class="muted small">
        The head goes on from what it has learnt, at a third of its rate; the stages learn at a tenth of that.
        Their norms stay.
      </span>
    </div>
  );
}
