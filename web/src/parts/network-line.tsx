/** Which network answers, on what; while its weights come, how far they are; and why others were refused. */
import { adapter, fetching, load, network, refusal } from '../state.ts';

const MEGA = 1e6;

export function NetworkLine() {
  return (
    <div class="network" aria-live="polite">
      <Line />
      {refusal.value && <p class="fault">{refusal.value} The network before goes on.</p>}
    </div>
  );
}

function Line() {
  const current = network.value;
  if (current.state === 'failed')
    return (
      <p class="fault">
        {current.message}{' '}
        <button type="button" onClick={() => void load('pretrained')}>
          Try again
        </button>
      </p>
    );
  if (current.state === 'waiting') return <Coming />;
  const { model, weights, parameters, classes, inputSize, notes } = current.value;
  const facts = adapter.value.state === 'ready' ? adapter.value.value : null;
  return (
    <>
      <p>
        <strong>{model}</strong>, {weights}: {(parameters / MEGA).toFixed(1)} M parameters,{' '}
        {classes.length.toLocaleString('en')} classes, pictures of {inputSize}
        {facts && `; on ${facts.name}`}
        {facts?.software && ', a processor that plays a GPU: everything takes longer than on one'}
      </p>
      {notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
    </>
  );
}

function Coming() {
  const come = fetching.value;
  if (adapter.value.state === 'waiting') return <p class="muted">Opening the GPU …</p>;
  if (!come) return <p class="muted">Reading the weights …</p>;
  const { done, total } = come;
  const of = total > 0 ? ` of ${(total / MEGA).toFixed(1)}` : '';
  return (
    <label class="progress">
      The network's weights, once: {(done / MEGA).toFixed(1)}
      {of} MB
      <progress value={total > 0 ? done : undefined} max={total > 0 ? total : undefined} />
    </label>
  );
}
