/** A class: its name, where its pictures come from, and each of them with what it is taken for. */
import { percent } from '../../parts/bars.tsx';
import { Sources } from '../../parts/sources.tsx';
import { alike, held } from './alike.ts';
import {
  addExamples,
  classes,
  counted,
  type Example,
  looks,
  removeClass,
  removeExample,
  rename,
  type TaughtClass,
  taught,
} from './classes.ts';
import { busy } from './lesson.ts';

export function ClassCard({ one }: { one: TaughtClass }) {
  const { id, name, examples } = one;
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
      <Sources
        label="Choose pictures"
        spoken={`Choose pictures of ${name}`}
        accept="image/*"
        burst={8}
        onFiles={(files) =>
          addExamples(
            id,
            Array.from(files, (file) => ({ name: file.name, blob: file })),
          )
        }
        onPictures={(photos) => addExamples(id, photos)}
      >
        <span class="muted">
          {counted(examples.length)}, {examples.filter((one) => held.value.has(one.id)).length} held out
        </span>
      </Sources>
      <ul class="examples">
        {examples.map((example) => (
          <Picture key={example.id} one={one} example={example} />
        ))}
      </ul>
    </article>
  );
}

function Picture({ one, example }: { one: TaughtClass; example: Example }) {
  const { id, name, url } = example;
  const lesson = busy.value ? null : taught.value;
  const answer = lesson?.taught.answers[lesson.ids.indexOf(id)];
  const taken = answer && lesson!.taught.learnt.classes[answer.index];
  const wrong = taken !== undefined && taken !== null && taken !== one.name.trim();
  const others = alike.value.get(id);
  const label = [
    name,
    held.value.has(id) && 'held out',
    looks.value.get(id) === null && 'cannot be decoded',
    others && `looks like ${others} ${others === 1 ? 'other' : 'others'}`,
    answer && `taken for ${taken}, ${percent(answer.probability)}`,
  ]
    .filter(Boolean)
    .join(', ');
  return (
    <li class={`${held.value.has(id) ? 'held' : ''} ${wrong ? 'wrong' : ''} ${others ? 'alike' : ''}`}>
      <button
        type="button"
        title={`${label}. Click to remove it.`}
        onClick={() => removeExample(one.id, example)}
      >
        <img src={url} alt={`${label}. Remove it`} width="56" height="56" />
      </button>
    </li>
  );
}
