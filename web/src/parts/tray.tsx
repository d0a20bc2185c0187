/** Where pictures come from: files, the clipboard, the camera, and the photographs that ship. */
import { useSignal } from '@preact/signals';
import { addFiles, addPictures, addShipped, sentenceOf, shipped } from '../state.ts';
import { Camera } from './camera.tsx';

export function Tray() {
  const camera = useSignal(false);
  const fault = useSignal<string | null>(null);
  return (
    <section class="tray" aria-label="Add pictures">
      <p>
        Drop pictures anywhere, paste one, or take one of these. Weights (<code>.pth</code>,{' '}
        <code>.safetensors</code>, a checkpoint of <code>npm run train</code>) become the network that
        answers.
      </p>
      <div class="row">
        <label class="button">
          Choose files
          <input
            type="file"
            multiple
            accept="image/*,.safetensors,.pth,.pt"
            onChange={({ currentTarget }) => {
              addFiles(currentTarget.files ?? []);
              currentTarget.value = '';
            }}
          />
        </label>
        <button
          type="button"
          aria-expanded={camera.value}
          onClick={() => {
            camera.value = !camera.value;
          }}
        >
          {camera.value ? 'Close the camera' : 'Camera'}
        </button>
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
      </div>
      {fault.value && <p class="fault">{fault.value}</p>}
      {camera.value && <Camera onPictures={addPictures} />}
    </section>
  );
}
