/** Why: where in the picture the network found what speaks for a class, by Grad-CAM or by hiding parts. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { isAbort } from '../client.ts';
import type { Answer, Done, Explained, NetworkFacts } from '../contract.ts';
import { AnyClass } from '../parts/any-class.tsx';
import { percent, shareText, shortName, thresholdOf } from '../parts/bars.tsx';
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
        <Explanation key={picture.id} picture={picture} answer={answer.value} facts={facts.value} />
      ) : (
        <p class="muted">{answer?.state === 'failed' ? answer.message : 'Waiting for the answer …'}</p>
      )}
    </>
  );
}

interface Props {
  picture: Picture;
  answer: Answer;
  facts: NetworkFacts;
}

function Explanation({ picture, answer, facts: { classes, decided } }: Props) {
  // What the network calls, which a threshold may decide.
  const index = useSignal(answer.called?.[0] ?? answer.top[0]!);
  const method = useSignal<Method>('grad-cam');
  const opacity = useSignal(80);
  const { found, done, stop, again } = useExplained(picture, index.value, method.value);
  const offered = answer.top.includes(index.value) ? answer.top : [...answer.top, index.value];

  return (
    <div class="why">
      <div>
        <fieldset>
          <legend>What speaks for …</legend>
          {offered.map((one) => (
            <label key={one} class="choice">
              <input
                type="radio"
                name="class"
                checked={one === index.value}
                onChange={() => {
                  index.value = one;
                }}
              />
              <span>
                {answer.called?.includes(one) && '✓ '}
                {shortName(classes[one]!)} <span class="muted">{shareText(answer, decided, one)}</span>
              </span>
            </label>
          ))}
          {classes.length > answer.top.length && (
            <AnyClass
              classes={classes}
              onClass={(one) => {
                index.value = one;
              }}
            />
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
          A map says where the network found what speaks for a class, not that it is right.
        </p>
      </div>
      <div aria-live="polite">
        {found === null && (
          <p>
            Stopped.{' '}
            <button type="button" onClick={again}>
              Look again
            </button>
          </p>
        )}
        {found?.state === 'failed' && <p class="fault">{found.message}</p>}
        {found?.state === 'waiting' && <Looking done={done} stop={stop} />}
        {found?.state === 'ready' && (
          <Outcome
            found={found.value}
            name={shortName(classes[found.value.index]!)}
            threshold={thresholdOf(decided, found.value.index)}
            opacity={opacity.value}
          />
        )}
      </div>
    </div>
  );
}

/** The map of a class: asked for anew when the question changes, or again after it was stopped, when it is null. */
function useExplained({ name, blob }: Picture, index: number, method: Method) {
  const done = useSignal<Done | null>(null);
  const found = useSignal<Pending<Explained> | null>(waiting);
  const tries = useSignal(0);
  const running = useRef<AbortController | null>(null);

  useEffect(() => {
    const wanted = new AbortController();
    running.current = wanted;
    found.value = waiting;
    done.value = null;
    const onEvent = (event: Done): void => {
      done.value = event;
    };
    const asked = { photo: { name, blob }, index, method };
    client.ask('explain', asked, { signal: wanted.signal, onEvent }).then(
      (result) => {
        found.value = ready(result);
      },
      (error: unknown) => {
        if (!isAbort(error)) found.value = failed(error);
      },
    );
    return () => wanted.abort();
  }, [name, blob, index, method, tries.value, done, found]);

  return {
    ...{ found: found.value, done: done.value },
    stop: () => {
      running.current?.abort();
      found.value = null;
    },
    again: () => {
      tries.value++;
    },
  };
}

function Looking({ done, stop }: { done: Done | null; stop: () => void }) {
  return (
    <div class="row">
      <label class="progress grow">
        {done ? `${done.done} of ${done.total} parts were hidden` : 'Looking …'}
        <progress value={done?.done} max={done?.total} />
      </label>
      <button type="button" onClick={stop}>
        Stop
      </button>
    </div>
  );
}

interface OutcomeProps {
  found: Explained;
  name: string;
  threshold: number | undefined;
  opacity: number;
}

function Outcome({ found, name, threshold, opacity }: OutcomeProps) {
  const { view, heat, probability, size, empty, ms } = found;
  const called =
    threshold === undefined
      ? ''
      : `, ${probability >= threshold ? 'called' : 'not called'} from ${percent(threshold)}`;
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
          : `What speaks for ${name} (${percent(probability)}${called}): the lighter, the more`}
        ; a map of {size.join('×')}, in {ms.toFixed(0)} ms.
      </figcaption>
    </figure>
  );
}
