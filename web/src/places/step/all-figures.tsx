/** All figures of a step, a row a layer. */

import { percent } from '../../parts/bars.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import type { LayerSeen, StepSeen } from '../../step.ts';
import { changeOf } from './layers-figure.tsx';
import { figure } from './numbers.ts';

export function AllFigures({ seen: { layers, norms } }: { seen: StepSeen }) {
  const ofBatch = new Map(norms.map(({ path, batch }) => [path, batch]));
  return (
    <details>
      <summary>All figures as a table: {layers.length} layers</summary>
      <Scrolls label="All figures of the step" tall>
        <table>
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Kind</th>
              <th scope="col">Result</th>
              <th scope="col">RMS</th>
              <th scope="col">Zeros</th>
              <th scope="col">Gradient of the result</th>
              <th scope="col">Gradient of the weights</th>
              <th scope="col">Change / norm</th>
              <th scope="col">Statistics</th>
            </tr>
          </thead>
          <tbody>
            {layers.map((layer) => (
              <tr key={layer.path} class={layer.learns ? undefined : 'muted'}>
                <th scope="row">{layer.path}</th>
                <td>{layer.kind}</td>
                <td>{layer.output.join('×')}</td>
                <td>{figure(layer.rms)}</td>
                <td>{percent(layer.zeros)}</td>
                <td>{layer.gradient === null ? 'none' : figure(layer.gradient)}</td>
                <td>{layer.learns ? figure(gradientOf(layer)) : 'frozen'}</td>
                <td>{changed(layer)}</td>
                <td>{statistics(ofBatch.get(layer.path))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
    </details>
  );
}

const gradientOf = ({ parameters }: LayerSeen): number =>
  Math.hypot(...parameters.map(({ gradient }) => gradient ?? 0));

function changed(layer: LayerSeen): string {
  if (!layer.learns) return 'frozen';
  const change = changeOf(layer);
  return change === null ? 'from 0' : figure(change);
}

const statistics = (batch: boolean | undefined): string =>
  batch === undefined ? '' : batch ? 'of the batch' : 'running';
