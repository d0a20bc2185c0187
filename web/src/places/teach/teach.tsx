/** Teach: two or more classes of the reader's own, from files or the camera; what learns is taught live, and can be saved. */
import { useEffect } from 'preact/hooks';
import { JobControls } from '../../parts/job.tsx';
import { FileButton } from '../../parts/sources.tsx';
import { alikeNotes, unreadable } from './alike.ts';
import { ClassCard } from './class-card.tsx';
import { addClass, classes, said, taught, undo, undoable } from './classes.ts';
import { Curve } from './curve.tsx';
import { fileFault, openLesson, saveLesson } from './files.ts';
import { epochs, MOST_EPOCHS, unkept } from './kept.ts';
import { busy, clear, goOn, interrupted, job, obstacle, teachHead, warning } from './lesson.ts';
import { Result } from './result.tsx';
import './teach.css';

/** Ctrl+Z, or Cmd+Z, where no text is being written: there it undoes letters. */
function onKey(event: KeyboardEvent): void {
  const { target, key, ctrlKey, metaKey, shiftKey, altKey } = event;
  if (key.toLowerCase() !== 'z' || !(ctrlKey || metaKey) || shiftKey || altKey) return;
  if (target instanceof HTMLInputElement && ['text', 'number', 'search'].includes(target.type)) return;
  event.preventDefault();
  undo();
}

export function Teach() {
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <>
      <p>
        The network stays as it is but for its last layer, which learns your classes. A quarter of the
        pictures of a class is held out, to measure it on; pictures that look the same stay on one side. All
        of it stays in this browser until you delete it.
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
        <button
          type="button"
          onClick={undo}
          disabled={undoable.value === null}
          aria-keyshortcuts="Control+Z Meta+Z"
        >
          {undoable.value === null ? 'Undo' : `Undo ${undoable.value}`}
        </button>
        <button type="button" onClick={() => void saveLesson()}>
          Save the lesson
        </button>
        <FileButton
          label="Open a lesson"
          accept=".lesson"
          onFiles={([file]) => file && void openLesson({ name: file.name, blob: file })}
        />
        <button type="button" onClick={clear}>
          Delete all pictures
        </button>
      </div>
      <p class="muted" aria-live="polite">
        {said.value}
      </p>
      {[fileFault.value, unkept.value, unreadable.value].map(
        (fault) =>
          fault && (
            <p key={fault} class="fault">
              {fault}
            </p>
          ),
      )}
      {[warning.value, ...alikeNotes.value].map(
        (note) =>
          note && (
            <p key={note} class="note">
              {note}
            </p>
          ),
      )}
      <Controls />
      <Curve />
      {taught.value && !busy.value && <Result lesson={taught.value} />}
    </>
  );
}

function Controls() {
  if (obstacle.value && !busy.value) return <p class="muted">{obstacle.value}</p>;
  const broken = interrupted.value;
  return (
    <>
      {broken && (
        <p class="note">
          The lesson was at epoch {broken.epoch} of {broken.epochs} when it broke off.{' '}
          <button type="button" onClick={goOn}>
            Go on
          </button>
        </p>
      )}
      {!busy.value && (
        <label class="field epochs">
          Epochs, passes over the pictures
          <input
            type="number"
            min="1"
            max={MOST_EPOCHS}
            value={epochs.value}
            onChange={({ currentTarget }) => {
              const asked = Math.round(Number(currentTarget.value));
              epochs.value = Math.min(Math.max(asked || 1, 1), MOST_EPOCHS);
              currentTarget.value = String(epochs.value);
            }}
          />
        </label>
      )}
      <JobControls job={job} begin={teachHead} label={taught.value ? 'Teach anew' : 'Teach'} />
    </>
  );
}
