/** Pictures for the places that look at them: the reader's own, and the photographs that ship. */
import { useSignal } from '@preact/signals';
import { addFiles, addPictures, addShipped, sentenceOf, shipped } from '../state.ts';
import { Sources } from './sources.tsx';

export function Tray() {
  const fault = useSignal<string | null>(null);
  return (
    <section class="tray" aria-label="Add pictures">
      <p>
        Drop pictures anywhere, paste one, or take one of these. Weights (<code>.pth</code>,{' '}
        <code>.safetensors</code>, a checkpoint of <code>npm run train</code>) become the network that
        answers.
      </p>
      <Sources
        label="Choose files"
        accept="image/*,.safetensors,.pth,.pt,.lesson"
        onFiles={addFiles}
        onPictures={addPictures}
        below={fault.value && <p class="fault">{fault.value}</p>}
      >
        <ul class="shipped" aria-label="Photographs that ship">
          {shipped.map((photo) => (
            <li key={photo.name}>
              <button
                type="button"
                onClick={() => {
                  fault.value = null;
                  addShipped(photo).catch((error: unknown) => {
                    fault.value = sentenceOf(error);
                  });
                }}
              >
                <img src={photo.small} alt={`Add the photograph of ${photo.shows}`} width="64" height="64" />
              </button>
            </li>
          ))}
        </ul>
      </Sources>
    </section>
  );
}
