/** Numbers as people read them, and a progress display that does not flood a log. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  announceSoftware,
  formatBytes,
  formatNumber,
  formatRows,
  formatSeconds,
  harmless,
  onStop,
  progressBar,
} from '../../src/cli/ui.ts';

const ui = suite('cli: ui');

const seconds: [number, string][] = [
  [0.000123, '0.12 ms'],
  [0.0213, '21 ms'],
  [0.35, '0.35 s'],
  [1, '1.0 s'],
  [9.96, '10.0 s'],
  [59.94, '59.9 s'],
  [59.96, '60 s'],
  [99.4, '99 s'],
  [185, '3 min 05 s'],
  [3599.6, '1 h 00 min'],
  [3725, '1 h 02 min'],
  [Number.NaN, '–'],
];
const bytes: [number, string][] = [
  [0, '0 B'],
  [999, '999 B'],
  [1000, '0.977 KiB'],
  [1536, '1.50 KiB'],
  [2 ** 27, '128 MiB'],
  [23.54 * 2 ** 30, '23.5 GiB'],
];
const numbers: [number, string][] = [
  [0, '0'],
  [31.4159, '31.4'],
  [-12.345, '-12.3'],
  [12345.6, '12,346'],
  [0.00123456, '0.00123'],
  [0.0000123456, '1.23e-5'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
];
ui('seconds', () => {
  for (const [value, text] of seconds) assert.is(formatSeconds(value), text);
});
ui('bytes', () => {
  for (const [value, text] of bytes) assert.is(formatBytes(value), text);
});
ui('numbers', () => {
  for (const [value, text] of numbers) assert.is(formatNumber(value), text);
});

ui('rows are aligned', () => {
  assert.is(
    formatRows([
      ['a', '1'],
      ['long', '2'],
    ]),
    '  a     1\n  long  2',
  );
});

/** A stream that keeps what was written, and a clock that a test turns. */
function recorder(isTTY: boolean) {
  const clock = { time: 0 };
  const written: string[] = [];
  const stream = Object.assign(
    {
      write: (text: string) => written.push(text),
      // cli-progress asks a terminal for these.
      columns: 120,
      isTTY,
    },
    { cursorTo: () => true, clearLine: () => true, moveCursor: () => true },
  );
  return { output: { stream, now: () => clock.time }, clock, written };
}

ui('a log gets a line every ten seconds, and one at the end', () => {
  const { output, clock, written } = recorder(false);
  const bar = progressBar('train', 100, output);
  for (let done = 1; done <= 99; done++) {
    clock.time = done * 250;
    bar.update(done, `loss ${done}`);
  }
  bar.note('a note');
  bar.stop();
  bar.stop();
  assert.equal(written, [
    'train 40/100 (40 %)  loss 40  15.0 s left\n',
    'train 80/100 (80 %)  loss 80  5.0 s left\n',
    'a note\n',
    'train 99/100 (99 %)  loss 99  0.25 s left\n',
  ]);
});

ui('a terminal gets a bar', () => {
  const { output, written } = recorder(true);
  const bar = progressBar('train', 4, output);
  bar.update(2, 'loss 0.5');
  bar.stop();
  assert.match(written.join(''), /train ━{12}─{12} 2\/4 {2}loss 0\.5/);
});

ui('bytes are shown as bytes; without a total there is neither a share nor a time left', () => {
  const plain = recorder(false);
  for (const total of [2 ** 21, null]) {
    const bar = progressBar('model', total, plain.output, formatBytes);
    plain.clock.time += 10_000;
    bar.update(2 ** 20, '0.1 MiB/s');
    bar.update(2 ** 21);
    bar.stop();
  }
  assert.equal(plain.written, [
    'model 1.00 MiB/2.00 MiB (50 %)  0.1 MiB/s  10.0 s left\n',
    'model 2.00 MiB/2.00 MiB (100 %)\n',
    'model 1.00 MiB  0.1 MiB/s\n',
    'model 2.00 MiB\n',
  ]);
  const terminal = recorder(true);
  const bar = progressBar('model', null, terminal.output, formatBytes);
  bar.update(2 ** 20, '0.1 MiB/s');
  bar.note('a note');
  bar.stop();
  const text = terminal.written.join('');
  assert.match(text, /model 1\.00 MiB {2}0\.1 MiB\/s/);
  assert.match(text, /a note\n/);
  assert.not.match(text, /[━─%]/);
});

ui('a line may be bold as a whole, and controls the terminal in no other way', () => {
  assert.is(harmless('\u001b[1mone\u001b[0m'), '\u001b[1mone\u001b[0m');
  assert.is(
    harmless('\u001b[1mone\u001b[0m\ntwo\u001b]0;title\u0007\u007f\u009bA\t\u2066'),
    '\\u001b[1mone\\u001b[0m\\ntwo\\u001b]0;title\\u0007\\u007f\\u009bA\\t\\u2066',
  );
  for (const isTTY of [true, false]) {
    const { output, written } = recorder(isTTY);
    const bar = progressBar('train', 4, output);
    bar.note('skipped: \u001b[2J.png');
    bar.stop();
    assert.match(written.join(''), /skipped: \\u001b\[2J\.png\n/);
  }
});

ui('only a software adapter is announced', () => {
  const info = { description: 'llvmpipe' } as GPUAdapterInfo;
  assert.is(announceSoftware({ software: false, info }), false);
  assert.is(announceSoftware({ software: true, info }), true);
});

ui('the first signal asks; disposing gives the signals back', () => {
  const before = process.listenerCount('SIGINT');
  const stop = onStop();
  assert.is(stop.requested, false);
  assert.is(process.listenerCount('SIGINT'), before + 1);
  process.emit('SIGINT', 'SIGINT');
  assert.is(stop.requested, true);
  assert.is(stop.exitCode, 130);
  assert.is(stop.signal.aborted, true);
  // The same key press again, as a parent process forwards it: no exit.
  process.emit('SIGINT', 'SIGINT');
  stop.dispose();
  assert.is(process.listenerCount('SIGINT'), before);
});

const posix = process.platform === 'win32' ? ui.skip : ui;

/** What keeps a process from ending: a read that never returns, and a loop that never lets a signal through. */
const BUSY = {
  'a read that waits': "for (let i = 0; i < 8; i++) fs.open(pipe, 'r', () => {});",
  'a loop without end': 'setTimeout(() => { for (;;); }, 600);',
};

for (const [what, busy] of Object.entries(BUSY))
  posix(`a second signal ends ${what} at once`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-stop-'));
    const pipe = join(folder, 'pipe');
    assert.is(spawnSync('mkfifo', [pipe]).status, 0);
    const script = `
      import fs from 'node:fs';
      import { onStop } from ${JSON.stringify(new URL('../../src/cli/ui.ts', import.meta.url).href)};
      onStop('Stopping.');
      const pipe = ${JSON.stringify(pipe)};
      ${busy}
      setInterval(() => {}, 1000);
      process.stdout.write('ready');`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
    child.stdout.once('data', () => child.kill('SIGINT'));
    child.stderr.once('data', () => setTimeout(() => child.kill('SIGINT'), 1000));
    const never = setTimeout(() => child.kill('SIGKILL'), 10_000);
    assert.is(await ended, 'SIGINT');
    clearTimeout(never);
    rmSync(folder, { recursive: true });
  });

ui.run();
