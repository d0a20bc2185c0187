/**
 * What the offline study says (search-study.ts): Kendall's τ of cheap figures with the losses of the last epoch.
 *
 *   node --import tsx bench/search-study-figures.ts STUDY.json [OTHER …]
 *
 * STUDY.json holds networks that were trained from scratch. OTHER is what something else thinks of the same networks: a file of
 * `search-study.ts --supernet`, or the trials.jsonl of a search. τ is 1 where both rank alike and 0 where one says nothing of
 * the other; intervals are 95 % bootstrap over networks. Only epochs that all networks have behind them are counted.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { costOf } from '../src/search/cost/cost.ts';
import type { Trial } from '../src/search/method.ts';
import { choiceOf, SPACES } from '../src/search/space.ts';
import { rankAgreement } from '../src/search/statistics.ts';
import { shuffled } from '../src/tensor/random.ts';

/** A network after an epoch. */
export interface StudyEpoch {
  trainLoss: number;
  /** On the test pictures, and on two random halves of them. */
  loss: number;
  halves?: [number, number];
  accuracy: number;
  /** A digit a picture: 1 where its likeliest class is right. */
  right: string;
}

/** What search-study.ts writes. */
export interface Study {
  space?: string;
  classes?: number;
  epochs: number;
  networks: { key: string; history: StudyEpoch[] }[];
}

/** Losses of the networks of the study by another way of judging them, by their names. */
interface Judgement {
  what: string;
  losses: Map<string, number>;
}

const parsed = async (path: string): Promise<Study> => JSON.parse(await readFile(path, 'utf8')) as Study;

const whole = ({ networks }: Study): number =>
  networks.reduce((least, { history }) => Math.min(least, history.length), Number.POSITIVE_INFINITY);

const numbered = (last: number): number[] => Array.from({ length: last }, (_, epoch) => epoch + 1);

/** Of the epochs of a file of the study. */
const judgementsOf = (what: string, study: Study): Judgement[] =>
  numbered(whole(study)).map((epoch) => ({
    what: `${what}, epoch ${epoch}`,
    losses: new Map(study.networks.map(({ key, history }) => [key, history[epoch - 1]!.loss])),
  }));

/** Of the rungs of a search. */
async function judgementsOfTrials(path: string): Promise<Judgement[]> {
  const found = new Map<string, Judgement>();
  for (const line of (await readFile(path, 'utf8')).split('\n').filter(Boolean)) {
    const { by, rung, network, loss } = JSON.parse(line) as Trial;
    const what = `${basename(path)}, ${by}, rung ${rung}`;
    const judgement = found.get(what) ?? { what, losses: new Map() };
    found.set(what, judgement);
    judgement.losses.set(network, loss);
  }
  return [...found.values()];
}

/** A line with Kendall's τ of two figures. */
function say(what: string, a: number[], b: number[]): void {
  const found = a.length > 2 ? rankAgreement(a, b) : null;
  const said = found
    ? `${found.tau.toFixed(2).padStart(5)} (${found.interval.map((end) => end.toFixed(2)).join(' to ')})`
    : '    –';
  console.log(`  ${what.padEnd(44)} ${said}${a.length < keys.length ? ` of ${a.length} networks` : ''}`);
}

const [path, ...others] = process.argv.slice(2) as [string, ...string[]];
const study = await parsed(path);
const epochs = whole(study);
const keys = study.networks.map(({ key }) => key);
const of = (epoch: number, figure: (of: StudyEpoch) => number): number[] =>
  study.networks.map(({ history }) => figure(history[epoch - 1]!));
const worth = of(epochs, ({ loss }) => loss);
const range = (values: number[], digits: number): string =>
  `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;

console.log(
  `${keys.length} networks, ${epochs} of ${study.epochs} epochs: test loss ${range(worth, 3)}, accuracy ${range(
    of(epochs, ({ accuracy }) => 100 * accuracy),
    1,
  )} %`,
);
console.log(`Kendall's τ with the test loss after ${epochs} epochs:`);
for (const epoch of numbered(epochs - 1))
  say(
    `test loss, epoch ${epoch}`,
    of(epoch, ({ loss }) => loss),
    worth,
  );
for (const epoch of numbered(epochs))
  say(
    `test error, epoch ${epoch}`,
    of(epoch, ({ accuracy }) => -accuracy),
    worth,
  );
for (const epoch of numbered(epochs))
  say(
    `training loss, epoch ${epoch}`,
    of(epoch, ({ trainLoss }) => trainLoss),
    worth,
  );
const space = SPACES.find(({ name }) => name === (study.space ?? 'small'))!;
for (const unit of ['multiply-adds', 'parameters'] as const) {
  const cost = costOf(space, unit, { latency: null }, { classes: study.classes ?? 10 });
  say(
    `${unit}, the more the better`,
    keys.map((key) => -cost(choiceOf(space, key))),
    worth,
  );
}
const opened: { name: string; study: Study }[] = [];
for (const other of others) {
  const trials = other.endsWith('.jsonl');
  if (!trials) opened.push({ name: basename(other), study: await parsed(other) });
  const judgements = trials
    ? await judgementsOfTrials(other)
    : judgementsOf(basename(other), opened.at(-1)!.study);
  for (const { what, losses } of judgements) {
    const both = [...keys.keys()].filter((index) => losses.has(keys[index]!));
    say(
      what,
      both.map((index) => losses.get(keys[index]!)!),
      both.map((index) => worth[index]!),
    );
  }
}

// Successive halving on these histories: the better half after 1, 2, 4 … epochs.
let alive = [...keys.keys()];
const kept: number[] = [];
for (let epoch = 1; epoch < epochs && alive.length > 1; epoch *= 2) {
  const losses = of(epoch, ({ loss }) => loss);
  alive = alive.sort((one, other) => losses[one]! - losses[other]!).slice(0, Math.ceil(alive.length / 2));
  kept.push(epoch);
}
if (kept.length > 0) {
  const ranks = alive
    .map((index) => worth.filter((loss) => loss < worth[index]!).length + 1)
    .sort((a, b) => a - b);
  console.log(
    `Halving after epochs ${kept.join(', ')} keeps the networks of rank ${ranks.join(', ')} of ${keys.length}.`,
  );
}

console.log("Kendall's τ of two random halves of the test pictures with each other:");
for (const { name, study: one } of [{ name: basename(path), study }, ...opened])
  for (const epoch of numbered(whole(one))) {
    const records = one.networks.map(({ history }) => history[epoch - 1]!);
    if (records.every(({ halves }) => halves))
      say(
        `loss, ${name}, epoch ${epoch}`,
        records.map(({ halves }) => halves![0]),
        records.map(({ halves }) => halves![1]),
      );
    const order = shuffled(records[0]!.right.length, 0, 0, 'halves');
    const right = (half: Int32Array): number[] =>
      records.map((record) => half.reduce((sum, place) => sum + Number(record.right[place]), 0));
    const middle = Math.ceil(order.length / 2);
    say(`error, ${name}, epoch ${epoch}`, right(order.subarray(0, middle)), right(order.subarray(middle)));
  }
