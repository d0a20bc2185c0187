/** A step under the glass: one training step of a copy of the network, in slow motion. */
import './step.css';
import { useMemo } from 'preact/hooks';
import { JobControls } from '../../parts/job.tsx';
import { useAsk } from '../../parts/use-ask.ts';
import { hashOf } from '../../route.ts';
import { network, route } from '../../state.ts';
import { Glass } from './glass.tsx';
import { Player } from './player.ts';
import { begin, chosenPictures, job } from './setup.ts';
import { SetupForm } from './setup-form.tsx';

/** Networks that a step can be taken of beside the one that answers, with random weights. */
const OTHERS = ['efficientnet_lite0', 'resnet18', 'mobilenet_v2'];

export function Step() {
  const facts = network.value;
  if (facts.state !== 'ready') return null;
  const own = facts.value.model;
  const model = route.value.rest[0] ?? own;
  return (
    <>
      <p>
        Training is one step, many times: pictures go forward through the network, the loss says how wrong the
        answers are, its gradient goes back, and every weight that learns moves a little against it. Here is
        one such step, slowly. It is taken on a copy: the network that answers stays as it is.
      </p>
      <label class="field step-network">
        Network
        <select
          value={model}
          onChange={({ currentTarget }) => {
            location.hash = hashOf('step', currentTarget.value);
          }}
        >
          {[...new Set([own, ...OTHERS, model])].map((name) => (
            <option key={name} value={name}>
              {name === own ? `${name} (answers)` : `${name}, random weights`}
            </option>
          ))}
        </select>
      </label>
      <Choices key={model} model={model} />
      <Outcome />
    </>
  );
}

function Choices({ model }: { model: string }) {
  const figure = useAsk('figure', model, model).value;
  if (figure.state === 'failed') return <p class="fault">{figure.message}</p>;
  if (figure.state === 'waiting') return <p class="muted">Drawing the network …</p>;
  const stages = figure.value.stages.map(({ path }) => path);
  return (
    <>
      <SetupForm stages={stages} />
      {chosenPictures.value.length > 0 && (
        <JobControls job={job} begin={() => begin(model, stages)} label="Take a step" />
      )}
    </>
  );
}

function Outcome() {
  const outcome = job.outcome.value;
  const seen = outcome?.state === 'ready' ? outcome.value : null;
  const player = useMemo(() => seen && new Player(seen), [seen]);
  return seen && player ? <Glass seen={seen} player={player} /> : null;
}
