/** What can be said of the moment: of a layer on the way forward, back or at its update; of the loss; of what came of it. */

import { percent } from '../../parts/bars.tsx';
import type { LayerSeen, StepSeen } from '../../step.ts';
import { After } from './after.tsx';
import { firstLearning, type Moment, type PhaseName } from './course.ts';
import { Loss } from './loss.tsx';
import { figure } from './numbers.ts';
import type { Player } from './player.ts';
import { Update } from './update.tsx';

const WHAT: Record<PhaseName, string> = {
  forward: 'Forward',
  loss: 'The loss',
  backward: 'Backward',
  update: 'Update',
  after: 'After the step',
};

/** A moment in words, for who does not see the figure. */
export const textOf = ({ phase, layer }: Moment, layers: StepSeen['layers']): string =>
  layer === null ? WHAT[phase] : `${WHAT[phase]}: ${layers[layer]!.path}`;

export function NowPanel({ seen, player }: { seen: StepSeen; player: Player }) {
  const moment = player.moment.value;
  const layer = moment.layer === null ? null : seen.layers[moment.layer]!;
  return (
    // Who plays it would be told of every layer: then it is silent.
    <div class="now-panel" aria-live={player.playing.value ? 'off' : 'polite'}>
      <h3>
        {textOf(moment, seen.layers)} {layer && <span class="muted">{layer.kind}</span>}
      </h3>
      {moment.phase === 'forward' && <Forward layer={layer!} seen={seen} />}
      {moment.phase === 'loss' && <Loss seen={seen} />}
      {moment.phase === 'backward' && <Backward seen={seen} place={moment.layer!} />}
      {moment.phase === 'update' && <Update layer={layer!} optimiser={seen.optimiser} />}
      {moment.phase === 'after' && <After seen={seen} />}
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Forward({ layer, seen: { pictures, norms } }: { layer: LayerSeen; seen: StepSeen }) {
  const { rms, zeros, output, path } = layer;
  const norm = norms.find((one) => one.path === path);
  return (
    <>
      <dl class="facts">
        <Fact name="Result" value={[pictures.length, ...output].join('×')} />
        <Fact name="RMS" value={figure(rms)} />
        <Fact name="Exactly 0" value={percent(zeros)} />
      </dl>
      <p>
        {norm
          ? norm.batch
            ? 'It learns, so it normalises by mean and variance of this batch, and moves its running statistics towards them. The figures are those behind the activation that it applies.'
            : 'It is frozen, so it normalises by its running statistics, as when it answers. The figures are those behind the activation that it applies.'
          : 'RMS is the root of the mean square of all values of the result. Where it grew or shrank from layer to layer, a deep network could not learn; norms hold it.'}
      </p>
    </>
  );
}

function Backward({ seen, place }: { seen: StepSeen; place: number }) {
  const { layers } = seen;
  const { gradient, parameters, path } = layers[place]!;
  const first = firstLearning(layers);
  return (
    <>
      <dl class="facts">
        <Fact
          name="Norm of ∂loss/∂result"
          value={gradient === null ? 'within one op with the next' : figure(gradient)}
        />
        {parameters.map(({ name, gradient }) => (
          <Fact
            key={name}
            name={`Norm of ∂loss/∂${name.slice(path.length + 1)}`}
            value={gradient === null ? 'frozen: none' : figure(gradient)}
          />
        ))}
      </dl>
      <p>
        {place === first
          ? `Here the backward pass ends: ${path} is the first layer that learns.${first > 0 ? ` The ${first} layers before it are frozen. They get no gradient, and what they computed need not be kept.` : ''}`
          : 'The gradient of the result comes from the layer behind it. The chain rule makes two of it: that of the weights, by which they will move, and that of the input, which goes on to the layer before.'}
      </p>
    </>
  );
}
