/** Which picture a place is about: one of those that were added, or the first photograph that ships. */
import { useEffect } from 'preact/hooks';
import { addShipped, choose, chosen, pictures, shipped } from '../state.ts';

export function PictureChoice() {
  const all = pictures.value;
  useEffect(() => {
    // A place that needs a picture begins with one.
    if (pictures.peek().length === 0) void addShipped(shipped[0]!);
  }, []);
  return (
    <label class="field">
      Picture
      <select
        value={chosen.value?.id ?? ''}
        onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
      >
        {all.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      {chosen.value && <img class="thumb" src={chosen.value.url} alt="" width="40" height="40" />}
    </label>
  );
}
