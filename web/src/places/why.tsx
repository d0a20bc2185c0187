/** Why: where in the picture the network found what speaks for a class, by Grad-CAM or by hiding parts. */
import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import { isAbort } from '../client.ts';
import type { Answer, Done, Explained } from '../contract.ts';
import { percent, shortName } from '../parts/bars.tsx';
import { PixelCanvas } from '../parts/canvas.tsx';
import { PictureChoice } from '../parts/picture-choice.tsx';
import {
  answers,
  chosen,
  client,
  failed,
  network,
  type Pending,
  type Picture,
  ready,
  waiting,
} from '../state.ts';

const METHODS = {
  'grad-cam': 'Grad-CAM: one pass forward, and back to the last map',
  occlusion: 'Occlusion: a square hides one part after the other, a pass each',
} as const;
type Method = keyof typeof METHODS;

export function Why() {
  const facts = network.value;
  const picture = chosen.value;
  const answer = picture && answers.value.get(picture.id);
  return (
    <>
      <PictureChoice />
      {facts.state === 'ready' && picture && answer?.state === 'ready' ? (
        <Explanation key={picture.id} picture={picture} answer={answer.value} classes={facts.value.classes} />
      ) : (
        <p class="muted">{answer?.state === 'failed' ? answer.message : 'Waiting for the answer …'}</p>
      )}
    </>
  );
}

interface Props {
  picture: Picture;
  answer: Answer;
  classes: readonly string[];
}

function Explanation({ picture, answer, classes }: Props) {
  const index = useSignal(answer.top[0]!);
  const method = useSignal<Method>('grad-cam');
  const opacity = useSignal(80);
  const done = useSignal<Done | null>(null);
  const found = useSignal<Pending<Explained>>(waiting);
  const list = useId();

  useEffect(() => {
    const wanted = new AbortController();
    found.value = waiting;
    done.value = null;
    const { name, blob } = picture;
    const asked = { photo: { name, blob }, index: index.value, method: method.value };
    const onEvent = (event: Done): void => {
      done.value = event;
    };
    client.ask('explain', asked, { signal: wanted.signal, onEvent }).then(
      (result) => {
        found.value = ready(result);
      },
      (error: unknown) => {
        if (!isAbort(error)) found.value = failed(error);
      },
    );
    return () => wanted.abort();
  }, [picture, index.value, method.value, done, found]);

  return (
    <div class="why">
      <div>
        <fieldset>
          <legend>What speaks for …</legend>
          {answer.top.map((one) => (
            <label key={one} class="choice">
              <input
                type="radio"
                name="class"
                checked={one === index.value}
                onChange={() => {
                  index.value = one;
                }}
              />
              {shortName(classes[one]!)} <span class="muted">{percent(answer.probabilities[one]!)}</span>
            </label>
          ))}
          {classes.length > answer.top.length && (
            <label class="choice">
              another class
              <input
                type="search"
                list={list}
                onChange={({ currentTarget: { value } }) => {
                  const place = classes.indexOf(value);
                  if (place >= 0) index.value = place;
                }}
              />
              <datalist id={list}>
                {classes.map((name) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </label>
          )}
        </fieldset>
        <fieldset>
          <legend>How</legend>
          {(Object.keys(METHODS) as Method[]).map((one) => (
            <label key={one} class="choice">
              <input
                type="radio"
                name="method"
                checked={one === method.value}
                onChange={() => {
                  method.value = one;
                }}
              />
              {METHODS[one]}
            </label>
          ))}
        </fieldset>
        <label class="slider">
          From the picture to the map
          <input
            type="range"
            min="0"
            max="100"
            value={opacity.value}
            onInput={({ currentTarget }) => {
              opacity.value = Number(currentTarget.value);
            }}
          />
        </label>
        <p class="muted small">
          What an explanation shows and what it does not is in <code>docs/explain.md</code>: a map says where
          the network found what speaks for a class, not that it is right.
        </p>
      </div>
      <div aria-live="polite">
        <Outcome found={found.value} done={done.value} classes={classes} opacity={opacity.value} />
      </div>
    </div>
  );
}

interface OutcomeProps {
  found: Pending<Explained>;
  done: Done | null;
  classes: readonly string[];
  opacity: number;
}

function Outcome({ found, done, classes, opacity }: OutcomeProps) {
  if (found.state === 'failed') return <p class="fault">{found.message}</p>;
  if (found.state === 'waiting')
    return (
      <label class="progress">
        {done ? `${done.done} of ${done.total} parts were hidden` : 'Looking …'}
        <progress value={done?.done} max={done?.total} />
      </label>
    );
  const { view, heat, index, probability, size, empty, ms } = found.value;
  const name = shortName(classes[index]!);
  return (
    <figure class="layers">
      <div>
        <PixelCanvas pixels={view} label="What the network saw" />
        <div class="over" style={{ opacity: opacity / 100 }}>
          <PixelCanvas pixels={heat} label={`Where it found what speaks for ${name}`} />
        </div>
      </div>
      <figcaption>
        {empty
          ? `Nothing in the picture speaks for ${name}`
          : `What speaks for ${name} (${percent(probability)}): the lighter, the more`}
        ; a map of {size.join('×')}, in {ms.toFixed(0)} ms.
      </figcaption>
    </figure>
  );
}
