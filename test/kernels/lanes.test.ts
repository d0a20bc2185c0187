/**
 * The ways of lanes to share with subgroups of 4 and of 16, in processes of their own: how wide lavapipe's vectors are is read
 * once, from `LP_NATIVE_VECTOR_WIDTH` in bits. The rest of the suite runs with the machine's own (8 with AVX2); `.ci/run` runs
 * all convolutions and matrix products with 4 and with 16 as well.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runFile } from '../run.ts';

const test = suite('4 and 16 lanes');

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FORMS = 'test/kernels/lane-forms.test.ts';
const SECONDS = 400;
/** Prints the lanes of this machine's device. */
const LANES = `
import { openDevice } from './src/node/open-device.ts';
const device = await openDevice();
process.stdout.write(\`lanes: \${device.traits.lanes}, \${device.info.description}\\n\`);
device.close();`;

function toldOf(bits: number): string {
  process.env.LP_NATIVE_VECTOR_WIDTH = `${bits}`;
  return execFileSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', LANES],
    { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
}

const told = toldOf(128);

if (/llvmpipe/.test(told)) {
  test('the driver has as many lanes as it is told', () => {
    assert.match(toldOf(512), /^lanes: 16,/m);
    assert.match(told, /^lanes: 4,/m);
  });

  for (const bits of [128, 512])
    test(`${FORMS}, vectors of ${bits} bits`, async () => {
      process.env.LP_NATIVE_VECTOR_WIDTH = `${bits}`;
      const { passed, failed, output } = await runFile(FORMS, SECONDS);
      assert.ok(passed > 0 && failed === 0, output);
    });
} else test('another driver has the lanes that it has', () => assert.match(told, /^lanes: \d+,/m));

test.run();
