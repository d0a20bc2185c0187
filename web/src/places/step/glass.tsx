/** The step that was taken: a figure of all layers, what can be said of the moment, batch norms, and all figures as a table. */
import { useEffect } from 'preact/hooks';
import { save } from '../../save.ts';
import type { StepSeen } from '../../step.ts';
import { AllFigures } from './all-figures.tsx';
import { PHASES, type PhaseName } from './course.ts';
import { LayersFigure } from './layers-figure.tsx';
import { NormPanel } from './norm-panel.tsx';
import { NowPanel, textOf } from './now-panel.tsx';
import type { Player } from './player.ts';

interface Props {
  seen: StepSeen;
  player: Player;
}

const NAMES: Record<PhaseName, string> = {
  forward: 'Forward',
  loss: 'Loss',
  backward: 'Backward',
  update: 'Update',
  after: 'After',
};

export function Glass({ seen, player }: Props) {
  useKeys(player);
  const { random, newHead, model, trainedParameters, frozenParameters, from, pictures } = seen;
  return (
    <section class="part glass" aria-labelledby="glass">
      <h2 id="glass">
        One step of {model} <span class="muted">on {counted(pictures.length, 'picture')}</span>
      </h2>
      {random ? (
        <p class="note">
          <strong>Random weights.</strong> {model} has learnt nothing here: this is how a first step from
          nothing looks.
        </p>
      ) : (
        newHead && (
          <p class="note">
            <strong>A new head.</strong> Its weights are random; all other weights are those of the network
            that answers.
          </p>
        )
      )}
      <p>
        {trainedParameters.toLocaleString('en')} values learn, from {from} on;{' '}
        {frozenParameters === 0 ? 'none are' : `${frozenParameters.toLocaleString('en')} are`} frozen.
      </p>
      <Controls seen={seen} player={player} />
      <LayersFigure seen={seen} player={player} />
      <NowPanel seen={seen} player={player} />
      <NormPanel seen={seen} />
      <AllFigures seen={seen} />
      <button type="button" onClick={() => save('step.json', jsonOf(seen))}>
        Save the step
      </button>
    </section>
  );
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function Controls({ seen: { layers }, player }: Props) {
  const { phase } = player.moment.value;
  const at = player.at.value;
  return (
    <>
      <div class="row">
        <button type="button" disabled={at === 0} onClick={() => player.take(at - 1)}>
          Back
        </button>
        <button type="button" class="play" onClick={() => player.toggle()}>
          {player.playing.value ? 'Pause' : 'Play'}
        </button>
        <button type="button" disabled={at === player.last} onClick={() => player.take(at + 1)}>
          On
        </button>
        <span class="phases">
          {PHASES.map((name) => (
            <button key={name} type="button" aria-pressed={name === phase} onClick={() => player.begin(name)}>
              {NAMES[name]}
            </button>
          ))}
        </span>
      </div>
      <label class="slider">
        Where in the step (keys: ← back, → on, space plays and pauses)
        <input
          type="range"
          min="0"
          max={player.last}
          value={at}
          aria-valuetext={textOf(player.moment.value, layers)}
          onInput={({ currentTarget }) => player.take(Number(currentTarget.value))}
        />
      </label>
    </>
  );
}

/** Elements that take these keys themselves. */
const TAKES_KEYS = 'input:not([type=range]), select, textarea, button, a, summary, [contenteditable]';

/** ← and → go a moment back and on, space plays and pauses. */
function useKeys(player: Player): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const { key, target, ctrlKey, altKey, metaKey, shiftKey } = event;
      if (ctrlKey || altKey || metaKey || shiftKey) return;
      const on = target instanceof Element ? target : document.body;
      const arrow = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
      // Arrows do nothing on buttons and links; what scrolls takes them, and so does a slider, to the same end.
      if (arrow && !on.matches('input, select, textarea, .scrolls, .scrolls *'))
        player.take(player.at.peek() + arrow);
      else if (key === ' ' && !on.matches(TAKES_KEYS)) player.toggle();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', pressed);
    return () => {
      removeEventListener('keydown', pressed);
      player.pause();
    };
  }, [player]);
}

/** All figures of a step, arrays of numbers as lists. */
const jsonOf = (seen: StepSeen): string =>
  `${JSON.stringify(seen, (_, value: unknown) => (value instanceof Float32Array ? [...value] : value), 1)}\n`;
