/** The choices of a step. */
import { useEffect } from 'preact/hooks';
import { percent, shortName } from '../../parts/bars.tsx';
import { addShipped, pictures, shipped } from '../../state.ts';
import type { OptimiserName } from '../../step.ts';
import {
  candidates,
  chosenPictures,
  from,
  fromIn,
  lesson,
  norms,
  optimiser,
  ownClasses,
  RATES,
  rate,
  source,
  targets,
  usesTeach,
} from './setup.ts';

/** Photographs that are taken where there are no pictures. */
const FIRST = 3;

export function SetupForm({ stages }: { stages: readonly string[] }) {
  return (
    <div class="step-setup">
      <Pictures />
      <fieldset>
        <legend>What learns, and how</legend>
        <label class="choice">
          From stage
          <select
            value={fromIn(stages)}
            onChange={({ currentTarget }) => {
              from.value = currentTarget.value;
            }}
          >
            {stages.map((stage, i) => (
              <option key={stage} value={stage}>
                {stage}
                {i === 0 ? ' (everything)' : i === stages.length - 1 ? ' (the head only)' : ' on'}
              </option>
            ))}
          </select>
        </label>
        <label class="choice">
          <input
            type="checkbox"
            checked={norms.value}
            onChange={({ currentTarget }) => {
              norms.value = currentTarget.checked;
            }}
          />
          its batch norms too
        </label>
        <label class="choice">
          Optimiser
          <select
            value={optimiser.value}
            onChange={({ currentTarget }) => {
              optimiser.value = currentTarget.value as OptimiserName;
            }}
          >
            <option value="AdamW">AdamW</option>
            <option value="SGD">SGD, momentum 0.9</option>
          </select>
        </label>
        <label class="choice">
          Rate
          <select
            value={String(rate.value)}
            onChange={({ currentTarget }) => {
              rate.value = Number(currentTarget.value);
            }}
          >
            {RATES.map((one) => (
              <option key={one} value={String(one)}>
                {one}
              </option>
            ))}
          </select>
        </label>
      </fieldset>
    </div>
  );
}

function Pictures() {
  return (
    <fieldset>
      <legend>The batch: pictures, and what each is to be taken for</legend>
      {lesson.value.length > 0 && (
        <>
          <Source
            value="teach"
            name={`Teach's classes: ${lesson.value.map(({ name }) => name).join(', ')}`}
          />
          <Source value="classify" name="the pictures of Classify" />
        </>
      )}
      {usesTeach.value ? (
        <p class="muted small">
          {chosenPictures.value.length} pictures, of each class in turn. The head is a new one for these
          classes, with random weights, unless the network that answers already has them.
        </p>
      ) : (
        <Targets />
      )}
    </fieldset>
  );
}

function Source({ value, name }: { value: 'teach' | 'classify'; name: string }) {
  return (
    <label class="choice">
      <input
        type="radio"
        name="step-source"
        checked={source.value === value}
        onChange={() => {
          source.value = value;
        }}
      />
      {name}
    </label>
  );
}

function Targets() {
  useEffect(() => {
    if (pictures.peek().length === 0) for (const photo of shipped.slice(0, FIRST)) void addShipped(photo);
  }, []);
  const classes = ownClasses.value;
  const all = candidates.value;
  if (all.length === 0) return <p class="muted small">Waiting for the answers …</p>;
  return (
    <ul class="step-targets">
      {all.map(({ picture, top, probabilities, target }) => (
        <li key={picture.id}>
          <img class="thumb" src={picture.url} alt="" width="40" height="40" />
          <select
            aria-label={`What ${picture.name} is to be taken for`}
            value={String(target)}
            onChange={({ currentTarget: { value } }) => {
              const chosen = value === 'out' ? value : Number(value);
              targets.value = new Map(targets.value).set(picture.id, chosen);
            }}
          >
            {top.map((index) => (
              <option key={index} value={String(index)}>
                {shortName(classes[index] ?? '')} ({percent(probabilities[index]!)} now)
              </option>
            ))}
            <option value="out">leave it out</option>
          </select>
        </li>
      ))}
    </ul>
  );
}
