/** The part that is chosen: stage, block or layer, with its figures, its parts, its maps, its formula and its code. */
import type { Figure, Measured, Part } from '../../contract.ts';
import { Scrolls } from '../../parts/scrolls.tsx';
import { useAsk } from '../../parts/use-ask.ts';
import { hashOf } from '../../route.ts';
import { chosen } from '../../state.ts';
import { CodeOfPart } from './code-of-part.tsx';
import { FeatureMaps } from './feature-maps.tsx';
import { count, dispatchesOf, msOf, shapeText } from './figures.ts';
import { formulaOf } from './formulas.ts';

interface Chosen {
  part: Part;
  /** The layers that it is made of; itself where it is one. */
  layers: readonly Part[];
  /** Parts below it: blocks of a stage, layers of a block. */
  parts: readonly Part[];
  /** Stage, block: what it lies in. */
  above: readonly string[];
}

export function PartPanel({
  figure,
  path,
  measured,
}: {
  figure: Figure;
  path: readonly string[];
  measured: Measured | null;
}) {
  const found = find(figure, path);
  const picture = chosen.value;
  const key = `${figure.model}/${found?.part.path}/${picture?.id}`;
  const asked = found &&
    picture && {
      model: figure.model,
      path: found.part.path,
      photo: { name: picture.name, blob: picture.blob },
    };
  const inside = useAsk('inside', asked ?? undefined, key).value;
  if (!found)
    return (
      <p class="fault">
        {figure.model} has no part '{path[0]}'.
      </p>
    );
  const { part, layers, parts, above } = found;
  const paths = [part.path, ...layers.map(({ path }) => path)];
  const formula = formulaOf(part, layers);
  return (
    <section class="part" aria-labelledby="part">
      <p class="crumbs small">
        {above.map((name) => (
          <span key={name}>
            <a href={hashOf('explore', figure.model, name)}>{name}</a> ›{' '}
          </span>
        ))}
        {part.path}
      </p>
      <h2 id="part">
        {part.path} <span class="muted">{part.kind}</span>
      </h2>
      <dl class="facts">
        <Fact name="Output" value={shapeText(part.output)} />
        <Fact name="Parameters" value={count(part.parameters)} />
        <Fact name="Multiply-adds" value={count(part.multiplyAdds)} />
        <Fact name="On this GPU" value={measured ? `${msOf(measured, paths).toFixed(3)} ms` : '…'} />
      </dl>
      {formula && (
        <p class="formula">
          <code>{formula}</code>
        </p>
      )}
      {inside.state === 'failed' ? (
        <p class="fault">{inside.message}</p>
      ) : inside.state === 'waiting' ? (
        <p class="muted">Running the picture through it …</p>
      ) : (
        <FeatureMaps key={key} inside={inside.value} path={part.path} />
      )}
      {parts.length > 0 && <Parts model={figure.model} parts={parts} measured={measured} stage={part.path} />}
      <CodeOfPart
        model={figure.model}
        part={part}
        layers={layers}
        dispatches={measured ? dispatchesOf(measured, paths) : null}
        shaders={measured?.shaders ?? {}}
      />
    </section>
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

interface PartsProps {
  model: string;
  parts: readonly Part[];
  measured: Measured | null;
  stage: string;
}

function Parts({ model, parts, measured, stage }: PartsProps) {
  return (
    <>
      <h3>What it is made of</h3>
      <Scrolls label={`Parts of ${stage}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col">Kind</th>
              <th scope="col">Output</th>
              <th scope="col">Parameters</th>
              <th scope="col">Multiply-adds</th>
              <th scope="col">ms</th>
            </tr>
          </thead>
          <tbody>
            {parts.map((part) => (
              <tr key={part.path}>
                <th scope="row">
                  <a href={hashOf('explore', model, part.path, ...(part.path === stage ? ['layer'] : []))}>
                    {part.path}
                  </a>
                </th>
                <td>{part.kind}</td>
                <td>{shapeText(part.output)}</td>
                <td>{count(part.parameters)}</td>
                <td>{part.multiplyAdds ? count(part.multiplyAdds) : ''}</td>
                <td>{timeOf(measured, part)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
    </>
  );
}

/** A norm that runs in the last lines of its convolution has no time of its own. */
function timeOf(measured: Measured | null, part: Part): string {
  if (!measured) return '';
  if (dispatchesOf(measured, [part.path]).length === 0) return 'in the one before';
  return msOf(measured, [part.path]).toFixed(3);
}

/** The part at a path: a stage, else a layer, else a block of layers. `…/layer` after it names the layer that is called as its stage. */
function find({ stages }: Figure, [path = stages[0]!.path, what]: readonly string[]): Chosen | null {
  const stage = stages.find((one) => one.path === path);
  if (stage && what !== 'layer') {
    const { layers, ...part } = stage;
    return { part, layers, parts: partsBelow(layers, path), above: [] };
  }
  for (const { path: within, layers } of stages) {
    const layer = layers.find((one) => one.path === path);
    if (layer) return { part: layer, layers: [layer], parts: [], above: aboveOf(within, path, layers) };
    const below = layers.filter((one) => one.path.startsWith(`${path}.`));
    if (below.length > 0)
      return {
        part: blockOf(path, below),
        layers: below,
        parts: partsBelow(below, path),
        above: aboveOf(within, path, layers),
      };
  }
  return null;
}

/** The blocks and layers right below a path. */
function partsBelow(layers: readonly Part[], path: string): Part[] {
  const depth = path.split('.').length + 1;
  const groups = new Map<string, Part[]>();
  for (const layer of layers) {
    const own = layer.path.startsWith(`${path}.`)
      ? layer.path.split('.').slice(0, depth).join('.')
      : layer.path;
    groups.set(own, [...(groups.get(own) ?? []), layer]);
  }
  return [...groups].map(([name, members]) =>
    members.length === 1 && members[0]!.path === name ? members[0]! : blockOf(name, members),
  );
}

function blockOf(path: string, layers: readonly Part[]): Part {
  const sum = (key: 'parameters' | 'multiplyAdds'): number =>
    layers.reduce((total, layer) => total + layer[key], 0);
  return {
    ...{ path, kind: `block of ${layers.length} layers`, output: layers.at(-1)!.output },
    ...{ parameters: sum('parameters'), multiplyAdds: sum('multiplyAdds') },
  };
}

/** The stage of a part, and the blocks between. */
function aboveOf(stage: string, path: string, layers: readonly Part[]): string[] {
  const parts = path.split('.');
  const blocks = parts
    .map((_, i) => parts.slice(0, i).join('.'))
    .filter(
      (one) =>
        one.startsWith(`${stage}.`) && layers.filter((layer) => layer.path.startsWith(`${one}.`)).length > 1,
    );
  return [stage, ...blocks];
}
