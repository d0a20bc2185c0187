/** Classify: each picture with its likeliest classes, what the network saw of it, and the time that took. */
import { Bars } from '../parts/bars.tsx';
import { PixelCanvas } from '../parts/canvas.tsx';
import { Tray } from '../parts/tray.tsx';
import { save } from '../save.ts';
import { answers, network, type Picture, pictures, removePicture } from '../state.ts';

export function Classify() {
  const all = pictures.value;
  return (
    <>
      <Tray />
      {all.length > 0 && (
        <div class="row end">
          <button type="button" onClick={() => void saveAnswers()}>
            Save the answers
          </button>
        </div>
      )}
      <ul class="cards">
        {all.map((picture) => (
          <li key={picture.id}>
            <Card picture={picture} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Card({ picture }: { picture: Picture }) {
  const { id, name, url } = picture;
  const outcome = answers.value.get(id);
  return (
    <article
      class="card"
      aria-label={name}
      aria-busy={outcome?.state !== 'ready' && outcome?.state !== 'failed'}
    >
      <header class="card-head">
        <h2>{name}</h2>
        <button type="button" class="plain" aria-label={`Remove ${name}`} onClick={() => removePicture(id)}>
          ✕
        </button>
      </header>
      <div class="pair">
        <figure>
          {outcome?.state === 'failed' ? <div class="none" /> : <img src={url} alt={`${name}, as it is`} />}
          <figcaption>
            The picture
            {outcome?.state === 'ready' &&
              `, ${outcome.value.original.width}×${outcome.value.original.height}`}
          </figcaption>
        </figure>
        <figure>
          {outcome?.state === 'ready' ? (
            <PixelCanvas pixels={outcome.value.view} label={`${name}, as the network sees it`} />
          ) : (
            <div class="none" />
          )}
          <figcaption>What the network sees of it</figcaption>
        </figure>
      </div>
      <Outcome picture={picture} />
    </article>
  );
}

function Outcome({ picture: { id } }: { picture: Picture }) {
  const outcome = answers.value.get(id);
  const facts = network.value;
  if (outcome?.state === 'failed') return <p class="fault">{outcome.message}</p>;
  if (outcome?.state !== 'ready' || facts.state !== 'ready') return <p class="muted">…</p>;
  const { decode, prepare, network: run } = outcome.value.milliseconds;
  return (
    <>
      <Bars answer={outcome.value} facts={facts.value} />
      <p class="muted small">
        {run.toFixed(0)} ms in the network; {decode.toFixed(0)} to decode, {prepare.toFixed(0)} to resize and
        crop
      </p>
    </>
  );
}

/** The answers as `predict --json` writes them. */
async function saveAnswers(): Promise<void> {
  const facts = network.value;
  if (facts.state !== 'ready') return;
  const { predictionOf } = await import('../../../src/train/prediction.ts');
  const { classes, decided } = facts.value;
  const rows = pictures.value.flatMap(({ id, name }) => {
    const outcome = answers.value.get(id);
    if (outcome?.state !== 'ready') return [];
    const { top, logits } = outcome.value;
    return [predictionOf(name, logits, { classes, ...decided }, top.length)];
  });
  save('answers.json', JSON.stringify(rows, null, 2));
}
