/** `bench --variant`: which rows can be forced, and what is said where a row cannot compute the cases. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CASES, VARIANTS } from '../../bench/cases.ts';
import { run } from '../../src/cli/bench.ts';
import { PLAIN_DEVICE } from '../../src/gpu/dry.ts';

const test = suite('cli: bench');

const REFUSED: readonly [options: Parameters<typeof run>[1], sentence: string][] = [
  [{ variant: 'fastest', samples: 3 }, 'there is no such row; the rows are tile, winograd, depthwise, plain'],
  [{ variant: 'winograd', filter: 'matmul', samples: 3 }, 'winograd computes none of these 2 cases'],
  [{ filter: 'no such case', samples: 3 }, 'no case has that in its name'],
];

for (const [options, sentence] of REFUSED)
  test(`${JSON.stringify(options)} gets a sentence`, async () => {
    try {
      await run([], options);
    } catch (error) {
      assert.ok((error as Error).message.includes(sentence), (error as Error).message);
      return;
    }
    assert.unreachable('it ran');
  });

test('every row computes some case of a single kernel', () => {
  for (const row of VARIANTS)
    assert.ok(
      CASES.some(({ supports }) => supports?.(row, PLAIN_DEVICE.traits)),
      row,
    );
});

test.run();
