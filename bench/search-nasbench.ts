/**
 * The search algorithms by themselves, on networks that others have trained: random search and regularised evolution
 * (src/search/methods/evolution.ts) on the 15,625 cells of NAS-Bench-201 (Dong & Yang 2020) on CIFAR-10. A seed searches in
 * milliseconds, so that 500 can say which algorithm is better.
 *
 *   python3 -m venv v && v/bin/pip install analog-nasbench==0.1.3 'setuptools<81'
 *   v/bin/python -c "import json, analognasbench as a; json.dump([[list(k), v.baseline_accuracy, v.qat_accuracy] for k, v in a.AnalogNASBench().data.items()], open('nasbench.json', 'w'))"
 *   node --import tsx bench/search-nasbench.ts nasbench.json [seeds = 500]
 *
 * The package (AnalogNAS-Bench) has one accuracy in floating point of each cell, and none on validation pictures. So two
 * searches are printed: one sees that accuracy itself, as if validation were free of noise; the other sees the cell's accuracy
 * after quantisation-aware training instead, which ranks cells a little otherwise, as validation accuracy would.
 *
 * Regret: the best accuracy of all cells less that of the cell that looked best to the search, in percentage points; means
 * over the seeds with their 95 % bootstrap intervals. Population and sample are those of Dong & Yang's own runs.
 */
import { readFile } from 'node:fs/promises';
import { evolve } from '../src/search/methods/evolution.ts';
import { bootstrap, spearman } from '../src/search/statistics.ts';
import { type Random, randomStream } from '../src/tensor/random.ts';

const [file, seeds = '500'] = process.argv.slice(2);
const EVALUATIONS = [50, 150, 500];
const MOST = Math.max(...EVALUATIONS);
const [EDGES, OPERATIONS] = [6, 5];

/** The operations on the edges of a cell: skip, none, 3×3, 1×1, average. */
type Cell = readonly number[];

const table = new Map<string, readonly [float: number, quantised: number]>();
for (const [cell, ...accuracies] of JSON.parse(await readFile(file!, 'utf8')) as [Cell, number, number][])
  table.set(cell.join(), accuracies);

const drawCell = (random: Random): Cell =>
  Array.from({ length: EDGES }, (_, edge) => Math.floor(random(edge) * OPERATIONS));

function mutateCell(parent: Cell, random: Random): Cell {
  const edge = Math.floor(random(0) * EDGES);
  const further = 1 + Math.floor(random(1) * (OPERATIONS - 1));
  return parent.map((operation, at) => (at === edge ? (operation + further) % OPERATIONS : operation));
}

/** The population is as large as all that live: nothing is ever mutated. */
const ALGORITHMS = {
  'random search': { population: MOST, sample: 1 },
  'regularised evolution': { population: 10, sample: 3 },
};

const floats = [...table.values()].map(([float]) => float);
const best = floats.reduce((most, accuracy) => Math.max(most, accuracy), 0);
const agreement = spearman(
  floats,
  [...table.values()].map(([, quantised]) => quantised),
)!;
console.log(
  `${table.size} cells, best ${best.toFixed(2)} %; Spearman of the two accuracies ${agreement.toFixed(3)}`,
);
for (const [seen, what] of ['the accuracy itself', 'quantised accuracy'].entries())
  for (const [name, { population, sample }] of Object.entries(ALGORITHMS)) {
    const regrets = EVALUATIONS.map(() => [] as number[]);
    for (let seed = 0; seed < Number(seeds); seed++) {
      const lived = evolve<Cell>({
        draw: drawCell,
        mutate: mutateCell,
        value: (cell) => -table.get(cell.join())![seen]!,
        population,
        sample,
        cycles: MOST,
        random: (index) => randomStream(seed, name, 0, index),
      });
      for (const [place, evaluations] of EVALUATIONS.entries()) {
        const found = lived
          .slice(0, evaluations)
          .reduce((least, one) => (one.value < least.value ? one : least));
        regrets[place]!.push(best - table.get(found.one.join())![0]);
      }
    }
    const cells = regrets.map((values, place) => {
      const mean = (drawn: ArrayLike<number>): number =>
        Array.from(drawn).reduce((sum, index) => sum + values[index]!, 0) / values.length;
      const { low, high } = bootstrap(values.length, mean)!;
      return `${EVALUATIONS[place]}: ${mean([...values.keys()]).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
    });
    console.log(`${what}, ${name}: ${cells.join('  ')}`);
  }
