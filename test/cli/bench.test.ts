/** `npm run bench`: what it measures, one document, and the sentences that wrong arguments get. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { benchResultOf } from '../../src/bench/result.ts';
import { describeResult } from '../../src/cli/bench/table.ts';
import { type BenchOptions, run } from '../../src/cli/bench.ts';

const test = suite('cli: bench');

const REFUSED: readonly [args: string[], options: Partial<BenchOptions>, sentence: string][] = [
  [['kernel'], {}, "there is nothing called 'kernel' to measure; bench takes kernels, models, ceiling"],
  [
    [],
    { variant: 'fastest' },
    'there is no such row; the rows are tile, workgroup, winograd, winograd4, grouped, depthwise, plain, vector, outer',
  ],
  [[], { variant: 'winograd', filter: 'matmul' }, 'winograd computes none of these 6 problems'],
  [[], { variant: 'plain', allVariants: true }, 'give one of them'],
  [[], { filter: 'no such case' }, 'nothing has that in its name'],
  [[], { networks: ['resnet19'] }, 'did you mean resnet18'],
  [[], { compare: 'a.json', against: 'HEAD' }, 'give one of them'],
  [['kernels'], { compare: 'no-such-file.json' }, 'no-such-file.json'],
  [[], { html: '/proc/page.html', filter: 'relu' }, '/proc/page.html could not be written'],
  [[], { shape: ['conv:56x56x64'] }, 'an example is conv:56x56x64,64'],
];

for (const [args, options, sentence] of REFUSED)
  test(`${args} ${JSON.stringify(options)} gets a sentence`, async () => {
    try {
      await run(args, { samples: 3, pairs: 8, ...options });
    } catch (error) {
      assert.ok((error as Error).message.includes(sentence), (error as Error).message);
      return;
    }
    assert.unreachable('it ran');
  });

/** What a run prints on stdout, and its exit code. */
async function printed(args: string[], options: BenchOptions): Promise<[code: number, text: string]> {
  const { write } = process.stdout;
  let text = '';
  process.stdout.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof write;
  try {
    const code = await run(args, options);
    return [code, text];
  } finally {
    process.stdout.write = write;
  }
}

/** A stored document is compared with itself, without a run. */
async function compared(document: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    const file = join(folder, 'run.json');
    await writeFile(file, document);
    const [code, text] = await printed([file], { compare: file, samples: 3, pairs: 8 });
    assert.is(code, 0);
    assert.ok(text.includes('no difference shown'), text);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('--wgsl prints shaders and measures nothing', async () => {
  const [code, text] = await printed([], { wgsl: 'conv2d', variant: 'plain', samples: 3, pairs: 8 });
  assert.is(code, 0);
  assert.ok(text.startsWith('// conv2d, as generated for') && text.includes('fn main('), text.slice(0, 200));
});

test('a run is one document, which the table is made of', async () => {
  const [code, text] = await printed([], {
    shape: ['conv:8x8x8,8,k3', 'relu:8x8x4'],
    allVariants: true,
    samples: 3,
    pairs: 8,
    rounds: 3,
    json: true,
  });
  assert.is(code, 0);
  const result = benchResultOf(text, 'stdout');
  const rows = result.entries.map(({ name, variant }) => [name, variant]);
  assert.equal(rows.slice(0, 6), [
    ['conv 3×3/1 1×8² 8→8 forward', 'tile'],
    ['conv 3×3/1 1×8² 8→8 forward', 'workgroup'],
    ['conv 3×3/1 1×8² 8→8 forward', 'winograd'],
    ['conv 3×3/1 1×8² 8→8 forward', 'winograd4'],
    ['conv 3×3/1 1×8² 8→8 forward', 'grouped'],
    ['conv 3×3/1 1×8² 8→8 forward', 'plain'],
  ]);
  assert.equal(rows.at(-1), ['relu 1×8²×4 gradients', null]);
  for (const { timing, error, share } of result.entries) {
    assert.ok(timing!.median > 0 && timing!.rounds.length > 1);
    assert.ok(error!.value <= error!.allowed);
    assert.is(share, null, 'rounds come without ceilings');
  }
  const shown = describeResult(result);
  for (const part of ['winograd', 'GFLOP/s', 'relu 1×8²×4 gradients', result.header.adapter.description])
    assert.ok(shown.includes(part), part);
  await compared(text);
  const failed = describeResult({
    ...result,
    entries: [{ ...result.entries[0]!, timing: null, failed: 'wrong: off by 1' }],
  });
  assert.ok(failed.includes('FAILED  conv 3×3/1 1×8² 8→8 forward by tile: wrong: off by 1'), failed);
});

test.run();
