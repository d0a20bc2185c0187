/** The test runner itself: no crash, timeout or empty file may pass for success. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readTotals, runFile } from '../run.ts';

const runner = suite('test runner');

const totals = (total: number, passed: number, skipped: number) =>
  `noise\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n\n`;

const cases: [
  name: string,
  output: string,
  ending: string,
  counts: [number, number, number],
  fault: string,
][] = [
  ['all pass', totals(5, 5, 0), '', [5, 0, 0], ''],
  ['some are skipped', totals(5, 5, 2), '', [5, 0, 2], ''],
  ['all are skipped', totals(0, 0, 2), '', [0, 0, 2], ''],
  ['one fails', totals(5, 4, 0), 'ended with exit code 1', [4, 1, 0], ''],
  ['colours', totals(5, 4, 0).replace('5', '5\u001b[31m'), 'ended with exit code 1', [4, 1, 0], ''],
  ['no test', totals(0, 0, 0), '', [0, 1, 0], 'holds no test'],
  ['no totals', 'hello\n', '', [0, 1, 0], 'ended before its tests did'],
  ['a crash before the totals', '', 'was killed by SIGSEGV', [0, 1, 0], 'was killed by SIGSEGV'],
  ['a crash after them', totals(5, 5, 0), 'was killed by SIGSEGV', [5, 1, 0], 'was killed by SIGSEGV'],
  [
    'a bad exit that no test explains',
    totals(5, 5, 0),
    'ended with exit code 1',
    [5, 1, 0],
    'ended with exit code 1',
  ],
  ['a failure and a crash', totals(5, 4, 0), 'was killed by SIGABRT', [4, 2, 0], 'was killed by SIGABRT'],
];
for (const [name, output, ending, [passed, failed, skipped], fault] of cases) {
  runner(name, () => assert.equal(readTotals(output, ending), { passed, failed, skipped, fault }));
}

const uvu = `import { test } from ${JSON.stringify(import.meta.resolve('uvu'))};\n`;
const files: [name: string, source: string, counts: [number, number, number], fault: RegExp][] = [
  ['passes', `${uvu} test('a', () => {}); test.skip('b', () => {}); test.run();`, [1, 0, 1], /^$/],
  ['fails', `${uvu} test('a', () => { throw new Error('no'); }); test.run();`, [0, 1, 0], /^$/],
  ['crashes', `${uvu} test('a', () => process.abort()); test.run();`, [0, 1, 0], /killed by SIG|exit code/],
  [
    'hangs',
    `${uvu} test('a', () => new Promise(() => setInterval(() => {}, 9))); test.run();`,
    [0, 1, 0],
    /ran past 2 s/,
  ],
  ['waits for nothing', `${uvu} test('a', () => new Promise(() => {})); test.run();`, [0, 1, 0], /exit code/],
  ['does not parse', 'const = 1;', [0, 1, 0], /exit code 1/],
  [
    'knows that it is a test',
    `${uvu} test('a', () => { if (process.env.TESSERA_TEST !== '1') throw 1; }); test.run();`,
    [1, 0, 0],
    /^$/,
  ],
];
for (const [name, source, [passed, failed, skipped], fault] of files) {
  runner(`a file that ${name}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-runner-'));
    const file = join(folder, 'case.test.mts');
    writeFileSync(file, source);
    const result = await runFile(file, name === 'hangs' ? 2 : 60);
    rmSync(folder, { recursive: true });
    assert.equal([result.passed, result.failed, result.skipped], [passed, failed, skipped], result.output);
    assert.match(result.fault, fault);
  });
}

runner.run();
