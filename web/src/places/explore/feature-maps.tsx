/** What a part makes of the picture, a map a channel; one of them large, with its strongest places. */
import { useSignal } from '@preact/signals';
import type { FeatureMap, Inside } from '../../contract.ts';
import { PixelCanvas } from '../../parts/canvas.tsx';

const short = (value: number): string => Number(value.toPrecision(3)).toString();

export function FeatureMaps({ inside, path }: { inside: Inside; path: string }) {
  const { maps, values, filters, channels } = inside;
  const large = useSignal<number | null>(null);
  const shown = maps.find(({ channel }) => channel === large.value);
  return (
    <>
      {filters.length > 0 && (
        <>
          <h3>Its filters, in colours</h3>
          <div class="maps small-maps">
            {filters.map((pixels, i) => (
              <PixelCanvas key={i} pixels={pixels} label={`Filter ${i}`} crisp />
            ))}
          </div>
        </>
      )}
      {values && (
        <>
          <h3>{channels.toLocaleString('en')} values, in rows</h3>
          <div class="vector">
            <PixelCanvas pixels={values.pixels} label={`The values of ${path}`} crisp />
          </div>
          <p class="muted small">
            Black {short(values.low)}, white {short(values.high)}.
          </p>
        </>
      )}
      {maps.length > 0 && (
        <>
          <h3>
            What it makes of the picture: {maps.length} of {channels} channels, those that vary most first
          </h3>
          <div class="maps">
            {maps.map((map) => (
              <button
                key={map.channel}
                type="button"
                aria-pressed={map.channel === large.value}
                onClick={() => {
                  large.value = map.channel === large.value ? null : map.channel;
                }}
              >
                <PixelCanvas pixels={map.pixels} label={`Channel ${map.channel}`} crisp />
              </button>
            ))}
          </div>
          {shown && <Large key={shown.channel} map={shown} />}
        </>
      )}
    </>
  );
}

/** How many places are marked. */
const MARKED = 3;

function Large({ map }: { map: FeatureMap }) {
  const { channel, pixels, low, high } = map;
  return (
    <figure class="large">
      <div class="marked">
        <PixelCanvas pixels={pixels} label={`Channel ${channel}, large`} crisp />
        {strongest(map).map(({ x, y }) => (
          <span
            key={`${x} ${y}`}
            class="mark"
            style={{
              left: `${(100 * (x + 0.5)) / pixels.width}%`,
              top: `${(100 * (y + 0.5)) / pixels.height}%`,
            }}
          />
        ))}
      </div>
      <figcaption>
        Channel {channel}, {pixels.width}×{pixels.height}: from {short(low)} (black) to {short(high)} (white);
        circles mark its strongest places.
      </figcaption>
    </figure>
  );
}

/** The strongest places that are no neighbours of a stronger one. */
function strongest({ pixels: { width, height, data } }: FeatureMap): { x: number; y: number }[] {
  const order = Array.from({ length: width * height }, (_, i) => i).sort(
    (a, b) => data[4 * b]! - data[4 * a]!,
  );
  const apart = Math.max(1, width / 6);
  const found: { x: number; y: number }[] = [];
  for (const i of order) {
    const place = { x: i % width, y: Math.floor(i / width) };
    if (found.every(({ x, y }) => Math.hypot(x - place.x, y - place.y) > apart)) found.push(place);
    if (found.length === MARKED) break;
  }
  return found;
}
