/**
 * How well the latency table of a space predicts whole networks on this adapter, and how long it takes to measure:
 *
 *   node --import tsx bench/search-latency.ts [small|b0] [batch]
 */
import { openDevice } from '../src/node/open-device.ts';
import { costOf } from '../src/search/cost/cost.ts';
import { latencyWarning, measureLatencies } from '../src/search/cost/latency.ts';
import { choiceOf, SPACES } from '../src/search/space.ts';

const [name = 'small', batch = '1'] = process.argv.slice(2);
const space = SPACES.find((one) => one.name === name)!;
const device = await openDevice();
const start = performance.now();
const table = await measureLatencies(device, space, {
  batch: Number(batch),
  classes: 10,
  onProgress: (done, of) =>
    console.error(`${done} of ${of}, ${((performance.now() - start) / 1000).toFixed(0)} s`),
});
const seconds = (performance.now() - start) / 1000;
const multiplyAdds = costOf(space, 'multiply-adds', { latency: null }, { classes: 10 });
for (const { network, predicted, measured } of table.check)
  console.log(
    `${measured.toFixed(2)} ms, predicted ${predicted.toFixed(2)}, ${(multiplyAdds(choiceOf(space, network)) / 1e6).toFixed(1)} M  ${network}`,
  );
console.log(
  `${Object.keys(table.blocks).length} blocks and heads in ${seconds.toFixed(0)} s: R² ${table.r2.toFixed(3)}, mean error ${(100 * table.meanError).toFixed(1)} %`,
);
const warning = latencyWarning(table);
if (warning) console.log(warning);
device.close();
