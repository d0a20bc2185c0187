/** Teach: two or more classes of the reader's own, from files or the camera; the head is taught live, and can be saved. */
import { useSignal } from '@preact/signals';
import type { Taught } from '../../contract.ts';
import { percent } from '../../parts/bars.tsx';
import { Camera } from '../../parts/camera.tsx';
import { JobControls } from '../../parts/job.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import { save } from '../../save.ts';
import { load } from '../../state.ts';
import { Curve } from './curve.tsx';
import {
  addClass,
  addExamples,
  begin,
  classes,
  clear,
  isHeld,
  job,
  obstacle,
  removeClass,
  removeExample,
  rename,
  type TaughtClass,
  taughtClasses,
  taughtIds,
  unkept,
  warning,
} from './lesson.ts';

const answersNow = (): Taught['answers'] =>
  job.outcome.value?.state === 'ready' ? job.outcome.value.value.answers : [];

export function Teach() {
  return (
    <>
      <p>
        The network stays as it is but for its last layer, which learns your classes. Every fourth picture of
        a class is held out, to measure it on. The pictures stay in this browser until you delete them.
      </p>
      <ul class="cards">
        {classes.value.map((one) => (
          <li key={one.id}>
            <ClassCard one={one} />
          </li>
        ))}
      </ul>
      <div class="row gap">
        <button type="button" onClick={addClass}>
          Add a class
        </button>
        <button type="button" onClick={clear}>
          Delete all pictures
        </button>
      </div>
      {unkept.value && <p class="fault">{unkept.value}</p>}
      {warning.value && <p class="note">{warning.value}</p>}
      {obstacle.value ? (
        <p class="muted">{obstacle.value}</p>
      ) : (
        <JobControls job={job} begin={begin} label="Teach" />
      )}
      <Curve />
      {job.outcome.value?.state === 'ready' && <Result taught={job.outcome.value.value} />}
    </>
  );
}

function ClassCard({ one }: { one: TaughtClass }) {
  const { id, name, examples } = one;
  const camera = useSignal(false);
  const answers = answersNow();
  return (
    <article class="card" aria-label={`Class ${name}`}>
      <header class="card-head">
        <label class="field">
          Name
          <input type="text" value={name} onInput={({ currentTarget }) => rename(id, currentTarget.value)} />
        </label>
        {classes.value.length > 2 && (
          <button
            type="button"
            class="plain"
            aria-label={`Remove the class ${name}`}
            onClick={() => removeClass(id)}
          >
            ✕
          </button>
        )}
      </header>
      <div class="row">
        <label class="button">
          Choose pictures
          <input
            type="file"
            multiple
            accept="image/*"
            aria-label={`Choose pictures of ${name}`}
            onChange={({ currentTarget }) => {
              addExamples(
                id,
                [...(currentTarget.files ?? [])].map((file) => ({ name: file.name, blob: file })),
              );
              currentTarget.value = '';
            }}
          />
        </label>
        <button
          type="button"
          aria-expanded={camera.value}
          onClick={() => {
            camera.value = !camera.value;
          }}
        >
          {camera.value ? 'Close the camera' : 'Camera'}
        </button>
        <span class="muted">
          {examples.length} pictures, {examples.filter((_, place) => isHeld(place)).length} held out
        </span>
      </div>
      {camera.value && <Camera burst={8} onPictures={(photos) => addExamples(id, photos)} />}
      <ul class="examples">
        {examples.map((example, place) => {
          const answer = answers[taughtIds.value.indexOf(example.id)];
          const taken = answer && taughtClasses.value[answer.index];
          const wrong = taken !== undefined && taken !== null && taken !== name.trim();
          const said = answer ? `, taken for ${taken}, ${percent(answer.probability)}` : '';
          const label = `${example.name}${isHeld(place) ? ', held out' : ''}${said}`;
          return (
            <li key={example.id} class={`${isHeld(place) ? 'held' : ''} ${wrong ? 'wrong' : ''}`}>
              <button
                type="button"
                title={`${label}. Click to remove it.`}
                onClick={() => removeExample(id, example)}
              >
                <img src={example.url} alt={`${label}. Remove it`} width="56" height="56" />
              </button>
            </li>
          );
        })}
      </ul>
    </article>
  );
}

function Result({ taught }: { taught: Taught }) {
  const { right, held, interval, confusion, frozenParameters, trainedParameters, seconds, file } = taught;
  const names = taughtClasses.value;
  return (
    <section class="part" aria-labelledby="taught">
      <h2 id="taught">What it learnt</h2>
      <p>
        {held > 0 && interval
          ? `${right} of ${held} held-out pictures are right, ${percent(right / held)} (95 % interval ${interval}).`
          : 'Nothing was held out: a class needs four pictures for that.'}{' '}
        {trainedParameters.toLocaleString('en')} values learnt and have gradients;{' '}
        {frozenParameters.toLocaleString('en')} are frozen and have none: what they make of a picture was
        computed once, in {seconds.toFixed(1)} s with all else.
      </p>
      {held > 0 && (
        <Scrolls label="Confusion">
          <table class="confusion">
            <caption class="muted">
              Rows: what held-out pictures are. Columns: what they are taken for.
            </caption>
            <thead>
              <tr>
                <td />
                {names.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {confusion.map((row, is) => (
                <tr key={names[is]}>
                  <th scope="row">{names[is]}</th>
                  {row.map((count, taken) => (
                    <td key={names[taken]} class={is === taken || count === 0 ? undefined : 'departs'}>
                      {count}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolls>
      )}
      <div class="row gap">
        <button type="button" onClick={() => save('taught.safetensors', file)}>
          Save the network
        </button>
        <button
          type="button"
          onClick={() => void load({ name: 'taught.safetensors', blob: new Blob([file]) })}
        >
          Let it answer
        </button>
      </div>
      <p class="muted small">
        <code>npm run predict -- --weights taught.safetensors photo.jpg</code> answers with it, and{' '}
        <code>npm run train -- --weights taught.safetensors</code> goes on from it.
      </p>
    </section>
  );
}
