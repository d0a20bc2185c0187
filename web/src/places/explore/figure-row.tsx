/** The network from left to right: each stage as tall as its map, as wide as it has channels, coloured by its time. */
import { useEffect, useRef } from 'preact/hooks';
import type { Figure, Measured } from '../../contract.ts';
import { hashOf } from '../../route.ts';
import { count, msOf, shapeText } from './figures.ts';

/** Pixels of the tallest stage, and of a channel's logarithm. */
const TALLEST = 110;
const WIDER = 5;

interface Props {
  figure: Figure;
  measured: Measured | null;
  /** The stage that is chosen. */
  chosen: string;
}

export function FigureRow({ figure, measured, chosen }: Props) {
  const { stages, model, side: input } = figure;
  const times = stages.map(({ layers, path }) =>
    measured ? msOf(measured, [path, ...layers.map((l) => l.path)]) : 0,
  );
  const row = useRef<HTMLElement>(null);
  // On a narrow screen the row scrolls: the stage that an address names comes into view, and the page stays where it is.
  useEffect(() => {
    const stage = row.current!.querySelector<HTMLElement>('[aria-current]');
    if (stage)
      row.current!.scrollLeft = stage.offsetLeft - row.current!.clientWidth / 2 + stage.clientWidth / 2;
  }, [chosen]);
  const longest = times.reduce((a, b) => Math.max(a, b), 1e-9);
  return (
    <nav ref={row} class="figure" aria-label={`Stages of ${model}`}>
      {stages.map(({ path, output }, i) => {
        const side = output.length === 3 ? Math.max(output[0]!, output[1]!) : 1;
        const channels = output.at(-1)!;
        return (
          <a
            key={path}
            href={hashOf('explore', model, path)}
            aria-current={path === chosen ? 'true' : undefined}
          >
            <span class="stand">
              <span
                class="block"
                style={{
                  blockSize: `${Math.max(6, TALLEST * Math.sqrt(side / (input / 2)))}px`,
                  inlineSize: `${10 + WIDER * Math.log2(channels)}px`,
                  '--hot': `${measured ? Math.round((100 * times[i]!) / longest) : 0}%`,
                }}
              />
            </span>
            <span class="name">{path}</span>
            <span class="muted">{shapeText(output)}</span>
            <span class="muted">
              {measured ? `${times[i]!.toFixed(2)} ms` : count(stages[i]!.multiplyAdds)}
            </span>
          </a>
        );
      })}
    </nav>
  );
}
