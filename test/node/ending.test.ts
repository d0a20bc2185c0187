/**
 * However a process ends while the driver works, the device is closed first, which waits for the driver's threads: they
 * would crash in libraries that are being taken down (SIGSEGV in some of thirty ends).
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('node/ending');
const program = fileURLToPath(new URL('fixtures/ending.ts', import.meta.url));

/** How the process ends, with which code, and how it leaves the device. */
const WAYS: [way: string, code: number, device: string][] = [
  ['throw', 1, 'closed'],
  ['reject', 1, 'closed'],
  ['1', 1, 'closed'],
  ['130', 130, 'open'], // a second Ctrl-C does not wait
];

for (const [way, code, device] of WAYS)
  test(`${way}: exit code ${code}, device ${device}`, () => {
    const { status, signal, stdout } = spawnSync(process.execPath, ['--import', 'tsx', program, way], {
      encoding: 'utf8',
    });
    assert.is(signal, null);
    assert.is(status, code);
    assert.is(stdout.trim(), device);
  });

test.run();
