/** Explore: a network's figure, and of the part that is chosen what it makes of the picture, its code and its shaders. */
import { useSignal } from '@preact/signals';
import type { Figure } from '../../contract.ts';
import { PictureChoice } from '../../parts/picture-choice.tsx';
import { useAsk } from '../../parts/use-ask.ts';
import { hashOf } from '../../route.ts';
import { network, route } from '../../state.ts';
import { FigureRow } from './figure-row.tsx';
import { PartPanel } from './part-panel.tsx';

/** Networks that can be looked into beside the one that answers: one of each family. */
const OTHERS = ['efficientnet_lite0', 'resnet18', 'mobilenet_v2', 'efficientnet_b0', 'alexnet'];
/** Networks that are made only when a reader says so, with what they take. */
const LARGE: Readonly<Record<string, string>> = { alexnet: '61 M parameters, 244 MB of memory' };

export function Explore() {
  const [asked, ...path] = route.value.rest;
  const facts = network.value;
  const allowed = useSignal<readonly string[]>([]);
  if (facts.state !== 'ready') return null;
  const own = facts.value.model;
  const model = asked ?? own;
  const names = [...new Set([own, ...OTHERS])];
  const large = model !== own && !allowed.value.includes(model) ? LARGE[model] : undefined;
  return (
    <>
      <div class="row">
        <label class="field">
          Network
          <select
            value={model}
            onChange={({ currentTarget }) => {
              location.hash = hashOf('explore', currentTarget.value);
            }}
          >
            {names.includes(model) ? null : <option value={model}>{model}</option>}
            {names.map((name) => (
              <option key={name} value={name}>
                {name === own ? `${name} (answers)` : name}
              </option>
            ))}
          </select>
        </label>
        <PictureChoice />
      </div>
      {large ? (
        <p>
          {model} takes {large}.{' '}
          <button
            type="button"
            onClick={() => {
              allowed.value = [...allowed.value, model];
            }}
          >
            Make it
          </button>
        </p>
      ) : (
        <Explored key={model} model={model} path={path} />
      )}
    </>
  );
}

function Explored({ model, path }: { model: string; path: readonly string[] }) {
  const figure = useAsk('figure', model, model).value;
  const measured = useAsk('measure', figure.state === 'ready' ? model : undefined, model).value;
  if (figure.state === 'failed') return <p class="fault">{figure.message}</p>;
  if (figure.state === 'waiting') return <p class="muted">Drawing the network …</p>;
  const times = measured.state === 'ready' ? measured.value : null;
  return (
    <>
      {figure.value.random && (
        <p class="note">
          <strong>Random weights.</strong> {model} has learnt nothing here: its shapes, costs, times and
          shaders are those of the real one, its feature maps and filters are noise. Drop a file of its
          weights to see what it has learnt.
        </p>
      )}
      <FigureRow figure={figure.value} measured={times} chosen={stageOf(figure.value, path[0])} />
      <p class="muted small" aria-live="polite">
        {measured.state === 'failed'
          ? measured.message
          : times
            ? `Milliseconds of one picture on this GPU, the median of three passes, ${times.how}.`
            : 'Timing each layer on this GPU …'}
      </p>
      <PartPanel figure={figure.value} path={path} measured={times} />
    </>
  );
}

/** The stage that a path lies in; the first where there is none. */
function stageOf({ stages }: Figure, path: string | undefined): string {
  const found = stages.find(
    (stage) =>
      stage.path === path ||
      stage.layers.some((layer) => layer.path === path || layer.path.startsWith(`${path}.`)),
  );
  return (found ?? stages[0]!).path;
}
