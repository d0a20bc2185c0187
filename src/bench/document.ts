/** The document of a run, of what was measured and where: the same in Node and in a browser. */
import { adapterName } from '../gpu/adapter-name.ts';
import { type Device, listedChoices } from '../gpu/index.ts';
import { entryOf } from './limits.ts';
import { BENCH_VERSION, type BenchHeader, type BenchResult } from './result.ts';
import type { Measured } from './tasks.ts';

/** What a device does not know of where it runs. */
export type Where = Pick<BenchHeader, 'commit' | 'dawn' | 'runtime' | 'processor'>;

/** The header of a document. */
export function headerOf({ info, software, features, traits, choices }: Device, where: Where): BenchHeader {
  const { vendor, architecture, device } = info;
  const tuned = listedChoices(choices)?.length ?? 0;
  return {
    ...where,
    date: new Date().toISOString(),
    adapter: { description: adapterName(info), vendor, architecture, device, software },
    // Dawn describes an adapter by its driver.
    driver: info.description || null,
    toggles: [],
    features: [
      ...[...features].filter((feature) => feature === 'subgroups'),
      ...(traits.immediates ? ['immediates'] : []),
      ...(traits.f16 ? ['shader-f16'] : []),
    ],
    lanes: traits.lanes,
    ...(tuned > 0 && { tuned }),
  };
}

/** The document of what was measured; limits and shares follow from the ceilings. */
export const documentOf = (
  header: BenchHeader,
  {
    ceilings,
    measured,
    starts,
  }: Pick<BenchResult, 'ceilings' | 'starts'> & { measured: readonly Measured[] },
): BenchResult => ({
  ...{ format: 'tessera-bench', version: BENCH_VERSION, header, ceilings },
  ...{ entries: measured.map((one) => entryOf(one, ceilings)), starts },
});
