/** Figures of what a `Watch` holds: norms of results and their gradients, statistics of what norms were given. */
import type { LayerSeen, NormSeen } from '../../step.ts';
import { channelStatistics, readAll, squares, zerosOf } from './figures.ts';
import type { Watch } from './watch.ts';

export type ResultFigures = Pick<LayerSeen, 'rms' | 'zeros' | 'gradient'>;
export type Statistics = Pick<NormSeen, 'rows' | 'batchMean' | 'batchVar'>;

export async function figuresOf({ results, normInputs, gradients }: Watch): Promise<{
  results: Map<string, ResultFigures>;
  norms: Map<string, Statistics>;
}> {
  const scalars = await readAll(() =>
    [...results].flatMap(([path, result]) => {
      const gradient = gradients.get(path);
      return [squares(result), zerosOf(result), ...(gradient ? [squares(gradient)] : [])];
    }),
  );
  let place = 0;
  const next = (): number => scalars[place++]![0]!;
  const ofResults = [...results].map(([path, { size }]): [string, ResultFigures] => {
    const rms = Math.sqrt(next() / size);
    const zeros = next();
    return [path, { rms, zeros, gradient: gradients.has(path) ? Math.sqrt(next()) : null }];
  });
  const channels = await readAll(() => [...normInputs.values()].flatMap(channelStatistics));
  const ofNorms = [...normInputs].map(([path, { size }], i): [string, Statistics] => {
    const [batchMean, batchVar] = [channels[2 * i]!, channels[2 * i + 1]!];
    return [path, { rows: size / batchMean.length, batchMean, batchVar }];
  });
  return { results: new Map(ofResults), norms: new Map(ofNorms) };
}
