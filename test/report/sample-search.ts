/** What a search of successive halving could have given, made up from its seed, with every part filled. */
import type { SurrogateFigures, Trial } from '../../src/search/method.ts';
import type { Comparison, Final, FinalRole, SearchResult } from '../../src/search/result.ts';
import {
  type Choice,
  COLUMNS,
  keyOf,
  randomChoice,
  SMALL_SPACE,
  tableOf,
  VALUES,
} from '../../src/search/space.ts';
import { randomUniform } from '../../src/tensor/random.ts';

const SEED = 11;
const draw = (purpose: string, index: number): number => randomUniform(SEED, purpose, 0, index);
const noise = (purpose: string, index: number): number =>
  draw(purpose, 2 * index) + draw(purpose, 2 * index + 1) - 1;

/** About the multiply-adds of a network for pictures of 32². */
function multiplyAddsOf(choice: Choice): number {
  let [width, side, sum] = [SMALL_SPACE.stem, 16, 110_592];
  for (const [index, stage] of choice.entries()) {
    side /= SMALL_SPACE.stages[index].stride;
    for (let block = 0; block < stage.depth; block++) {
      const inner = stage.expandRatio * width;
      sum += side ** 2 * inner * (width + stage.kernel ** 2 + stage.width);
      width = stage.width;
    }
  }
  return Math.round(sum + side ** 2 * width * SMALL_SPACE.head);
}

const msOf = (choice: Choice): number =>
  0.6 +
  multiplyAddsOf(choice) / 4.1e6 +
  choice.reduce((sum, { depth, squeeze }) => sum + depth * (0.12 + (squeeze > 0 ? 0.15 : 0)), 0);

/** Larger networks do better, and each has its luck. */
const skillOf = (choice: Choice, luck: number): number =>
  0.1 * Math.log2(multiplyAddsOf(choice) / 4e6) + 0.06 * luck;

function trialOf(index: number, by: Trial['by'], choice: Choice, rung: number, luck: number): Trial {
  const steps = 60 * 2 ** rung;
  const loss = 2.05 - 0.19 * rung - skillOf(choice, luck) + 0.03 * noise('loss', index);
  const half = 0.025 * noise('half', index);
  return {
    ...{ index, by, network: keyOf(choice), rung, steps, cost: msOf(choice), loss },
    ...{ halves: [loss + half, loss - half], accuracy: 0.24 + 0.42 * (2.05 - loss) },
  };
}

function trialsOf(): { trials: Trial[]; winner: Choice; random: Choice } {
  const trials: Trial[] = [];
  const networks = (purpose: string, count: number): { choice: Choice; luck: number }[] => {
    const found: Choice[] = [];
    for (let i = 0; found.length < count; i++) {
      const choice = randomChoice(SMALL_SPACE, (at) => draw(purpose, 100 * i + at));
      if (msOf(choice) <= 5) found.push(choice);
    }
    return found.map((choice, i) => ({ choice, luck: noise(`${purpose} luck`, i) }));
  };
  const best = (by: Trial['by'], rung: number): Trial[] =>
    trials.filter((one) => one.by === by && one.rung === rung).sort((a, b) => a.loss - b.loss);
  let rung = networks('method', 16);
  const first = rung;
  for (let k = 0; rung.length > 1; k++) {
    for (const { choice, luck } of rung) trials.push(trialOf(trials.length, 'method', choice, k, luck));
    const kept = best('method', k).slice(0, rung.length / 2);
    rung = kept.map(({ network }) => first.find(({ choice }) => keyOf(choice) === network)!);
  }
  const others = networks('random', 28);
  for (const { choice, luck } of others) trials.push(trialOf(trials.length, 'random', choice, 0, luck));
  const [{ network }] = best('random', 0);
  return {
    trials,
    winner: rung[0].choice,
    random: others.find(({ choice }) => keyOf(choice) === network)!.choice,
  };
}

function finalOf(role: FinalRole, choice: Choice, loss: number): Final {
  const cost = msOf(choice);
  return {
    ...{ role, network: keyOf(choice), table: tableOf(SMALL_SPACE, choice, role) },
    ...{ multiplyAdds: multiplyAddsOf(choice), parameters: Math.round(multiplyAddsOf(choice) / 41) },
    ...{ cost, measured: cost * 1.03, steps: 900 },
    held: { loss: loss - 0.02, accuracy: 0.937 - 0.3 * loss },
    fresh: { loss, accuracy: 0.93 - 0.3 * loss, pictures: 2000 },
  };
}

const reference = (role: FinalRole, multiplyAdds: number, parameters: number, cost: number): Final => ({
  ...{ role, network: null, table: null, multiplyAdds, parameters, cost, measured: cost },
  ...{ steps: 0, held: null, fresh: null },
});

const compared = (
  of: [string, string],
  difference: number,
  half: number,
  only: [number, number],
  p: number,
): Comparison => ({
  ...{ of, pictures: 2000, onlyFirst: only[0], onlySecond: only[1], p, difference },
  interval: [difference - half, difference + half],
});

/** A surrogate of the default space, in which the deepest stages' channels matter most. */
export function sampleSurrogate(optimum = true): SurrogateFigures {
  let at = 0;
  const weight = { kernel: -0.008, expandRatio: -0.02, width: -0.012, depth: -0.03, squeeze: -0.002 };
  const [network, other] = [0, 1].map((i) =>
    keyOf(randomChoice(SMALL_SPACE, (k) => draw(`optimum ${i}`, k))),
  );
  return {
    ...{ count: 85, r: 0.84, rMultiplyAdds: 0.67 },
    coefficients: SMALL_SPACE.stages.flatMap((stage, index) =>
      COLUMNS.flatMap((column) =>
        stage[VALUES[column]].slice(1).map((value, step) => {
          const effect = weight[column] * (step + 1) * (0.6 + 0.4 * index) + 0.01 * noise('effect', at++);
          const half = 0.012 + 0.004 * draw('half', at);
          return { stage: index, column, value, effect, interval: [effect - half, effect + half] as const };
        }),
      ),
    ),
    evolved: { network, predicted: 1.402 },
    optimum: optimum ? { network: other, predicted: 1.398 } : null,
  };
}

/** @param name in place of every name that comes from outside */
export function sampleSearch(name?: string): SearchResult {
  const { trials, winner, random } = trialsOf();
  const handMade: Choice = SMALL_SPACE.stages.map(({ widths }) => ({
    kernel: 3,
    expandRatio: 6,
    width: widths[1],
    depth: 2,
    squeeze: 0,
  }));
  const checked = Array.from({ length: 12 }, (_, i) =>
    randomChoice(SMALL_SPACE, (at) => draw('check', 100 * i + at)),
  );
  return {
    ...{ format: 1, finished: true, method: 'halving', seed: 3, space: SMALL_SPACE },
    target: { unit: 'ms', value: 5, exponent: null, batch: 1 },
    plan: {
      ...{
        adapter: name ?? 'llvmpipe (LLVM 19.1.7, 256 bits)',
        driver: name ?? 'Mesa 25.0.7',
        seconds: 600,
        batch: 64,
      },
      step: { a: 0.05, b: 8e-9, c: 0.01 },
      score: { a: 0.3, b: 3e-8, c: 0.05 },
      sharedStep: 0.9,
      sharedScore: { a: 0.4, b: 3e-8, c: 0.05 },
      latency: {
        ...{ batch: 1, inputSize: 32, base: 0.61, r2: 0.964, meanError: 0.038 },
        blocks: Object.fromEntries(
          Array.from({ length: 24 }, (_, i) => [
            `16² 24→32 e${3 + 3 * (i % 2)} k${3 + 2 * (i % 3)} #${i}`,
            0.1 + 0.4 * draw('block', i),
          ]),
        ),
        check: checked.map((choice, i) => ({
          network: keyOf(choice),
          predicted: msOf(choice),
          measured: msOf(choice) * (1 + 0.08 * noise('check', i)),
        })),
      },
    },
    teacher: name ?? null,
    data: {
      folder: name ?? '/data/cifar10',
      classes: name
        ? [name, `=${name}`]
        : 'airplane automobile bird cat deer dog frog horse ship truck'.split(' '),
      ...{ train: 8000, held: 2000, fresh: 2000, freshIs: name ?? 'the pictures of test/' },
    },
    trials,
    surrogate: sampleSurrogate(),
    agreements: [
      { what: name ?? 'the two halves of the held pictures', tau: 0.69, interval: [0.52, 0.81], count: 16 },
      { what: 'rung 1 with rung 2', tau: 0.5, interval: [-0.11, 0.86], count: 8 },
      { what: 'rung 2 with rung 3', tau: 0.33, interval: [-0.67, 1], count: 4 },
      { what: 'multiply-adds with the loss', tau: 0.48, interval: [0.2, 0.7], count: 16 },
    ],
    finals: [
      finalOf('winner', winner, 1.352),
      finalOf('hand-made', handMade, 1.341),
      finalOf('random', random, 1.398),
      reference('efficientnet_b0', 8.4e6, 4_020_358, 9.6),
      reference('mobilenet_v2', 6.5e6, 2_236_682, 7.9),
    ],
    comparisons: [
      compared(['winner', 'hand-made'], 0.011, 0.022, [151, 160], 0.65),
      compared(['winner', 'random'], -0.046, 0.024, [188, 141], 0.0109),
    ],
    returned: {
      role: 'hand-made',
      reason:
        name ??
        "The hand-made network has the lower loss on 2,000 fresh pictures: the winner's loss is 1.35, the hand-made network's 1.34, a difference of 0.011 (95 % interval −0.011 to 0.033); the interval holds 0, so these pictures do not tell the two apart.",
    },
    time: [
      { what: name ?? 'latency table', seconds: 31 },
      { what: 'step times', seconds: 22 },
      { what: 'halving', seconds: 248 },
      { what: 'random search', seconds: 151 },
      { what: 'finals', seconds: 140 },
    ],
  };
}
