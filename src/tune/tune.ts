/**
 * Tuning: the rows of the tables of kernels, measured on the problems of networks (race.ts), and then the networks themselves,
 * with the tables' own choice and with what won, in turns. Nothing here knows a command line or a disk.
 *
 * A network that all its winners together make slower, beyond what its rounds are apart, loses them again: a record may never
 * make things worse.
 */
import { timer } from '../bench/measure.ts';
import { modelName, readyModel } from '../bench/models.ts';
import { nameOf } from '../bench/problem.ts';
import type { Form } from '../bench/problems.ts';
import { withChoices } from '../bench/replay.ts';
import type { InputSize } from '../data/input-size.ts';
import type { Choices, Device } from '../gpu/index.ts';
import { keysAsked, type NetworkForm, tunables } from './problems.ts';
import { type Race, race } from './race.ts';
import { measureRatio, type Ratio } from './ratio.ts';
import { choicesOf, merged, type TuningRecord, type Won } from './record.ts';

export interface TuneOptions {
  networks: readonly { name: string; size: InputSize }[];
  /** Pictures of the forms with several. */
  batch: number;
  /** Whether the gradients of a training step are tuned as well. */
  train: boolean;
  /** What is known already. */
  before: TuningRecord;
  /** Bytes that the inputs of one problem may take. */
  memory: number;
  /** ISO 8601, for the record. */
  now: string;
  /** Asked between two problems and between two networks: what was measured by then is returned. */
  stopped?: () => boolean;
  onProgress?: (done: number, total: number, name: string) => void;
}

export interface TunedProblem {
  key: string;
  name: string;
  networks: readonly string[];
  /** Null where nothing could be measured. */
  race: Race | null;
  /** Why nothing could be measured. */
  failed: string | null;
}

/** A network before and after: how many times as fast it is with what won. */
export interface TunedNetwork {
  name: string;
  /** Of its problems so many run by another row than the tables estimate. */
  chosen: number;
  /** Null where none does. */
  ratio: Ratio | null;
  /** All of them together made it slower, so that they were given up. */
  givenUp: boolean;
}

export interface Tuned {
  problems: readonly TunedProblem[];
  networks: readonly TunedNetwork[];
  /** What won, by the keys of problems: null where the estimate stands. */
  found: ReadonlyMap<string, Won | null>;
}

/** How a network is run to be tuned: one picture, several, and a step where training is asked for. */
export function formsOf({
  networks,
  batch,
  train,
}: Pick<TuneOptions, 'networks' | 'batch' | 'train'>): NetworkForm[] {
  return networks.flatMap(({ name: network, size }) => {
    const forms: Form[] = [
      { mode: 'evaluation', batch: 1, size },
      { mode: 'evaluation', batch, size },
      ...(train ? [{ mode: 'training', batch, size } as const] : []),
    ];
    return forms.map((form) => ({ network, form }));
  });
}

/** Measures, and says what won. */
export async function tune(device: Device, options: TuneOptions): Promise<Tuned> {
  const { before, now, stopped = () => false, onProgress } = options;
  const forms = formsOf(options);
  const all = await tunables(device, forms);
  const total = all.length + forms.length;
  const problems: TunedProblem[] = [];
  const found = new Map<string, Won | null>();
  for (const { key, posed } of all) {
    if (stopped()) break;
    onProgress?.(problems.length, total, nameOf(posed));
    const about = { key, name: nameOf(posed), networks: posed.networks.map(({ name }) => name) };
    try {
      const raced = await race(device, posed, options.memory);
      problems.push({ ...about, race: raced, failed: null });
      found.set(key, raced && wonBy(raced, now));
    } catch (error) {
      if (device.fault || !(error instanceof RangeError)) throw error;
      problems.push({ ...about, race: null, failed: error.message });
    }
    device.trim();
  }
  const networks: TunedNetwork[] = [];
  for (const one of forms) {
    if (stopped()) break;
    onProgress?.(all.length + networks.length, total, modelName(one));
    const measured = await beforeAndAfter(device, one, merged(before, found));
    networks.push(measured.network);
    if (measured.network.givenUp) for (const key of measured.keys) found.set(key, null);
    device.trim();
  }
  return { problems, networks, found };
}

function wonBy({ estimated, chosen, final }: Race, measured: string): Won | null {
  if (chosen === estimated) return null;
  return { row: chosen, against: estimated, ratio: final?.ratio.median ?? 1, measured };
}

/** Rounds of a network, each of four runs at least; and milliseconds that they may take beyond the fewest. */
const ROUNDS = { fewest: 5, most: 9, ms: 15_000 };

/** A network with the tables' own choice and with a record's, in turns. */
async function beforeAndAfter(
  device: Device,
  of: NetworkForm,
  record: TuningRecord,
): Promise<{ network: TunedNetwork; keys: string[] }> {
  const keys = [...(await keysAsked(device, of))].filter((key) => Object.hasOwn(record.choices, key));
  const name = modelName(of);
  if (keys.length === 0) return { network: { name, chosen: 0, ratio: null, givenUp: false }, keys };
  const chosen = choicesOf(record);
  const ready = readyModel(device, of);
  try {
    const timed = (choices: Choices | null) =>
      timer(device, (index) => withChoices(device, choices, () => ready.run(index)));
    const [untuned, tuned] = [await timed(null), await timed(chosen)];
    const [ms] = await untuned.round({ samples: 1, least: 1 });
    const affordable = Math.floor(ROUNDS.ms / (4 * ms! * untuned.repeats));
    const ratio = await measureRatio(
      untuned,
      tuned,
      Math.max(ROUNDS.fewest, Math.min(ROUNDS.most, affordable)),
    );
    const network = { name, chosen: keys.length, ratio, givenUp: ratio.high < 1 };
    return { network, keys };
  } finally {
    ready.dispose();
  }
}
