/**
 * Convolutions and matrix products with subgroups of 4 lanes, in processes of their own: how wide lavapipe's vectors are
 * is read once, from `LP_NATIVE_VECTOR_WIDTH` in bits. The rest of the suite runs with the machine's own (8 with AVX2).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runFile } from '../run.ts';

const test = suite('4 lanes');

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['test/kernels/conv', 'test/kernels/matmul'];
const SECONDS = 400;
/** Prints the lanes of this machine's device. */
const LANES = `
import { openDevice } from './src/node/open-device.ts';
const device = await openDevice();
process.stdout.write(\`lanes: \${device.traits.lanes}, \${device.info.description}\\n\`);
device.close();`;

process.env.LP_NATIVE_VECTOR_WIDTH = '128';
const told = execFileSync(
  process.execPath,
  ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', LANES],
  { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
);

if (/llvmpipe/.test(told)) {
  test('the driver has 4 lanes where it is told so', () => assert.match(told, /^lanes: 4,/m));

  for (const folder of FOLDERS)
    for (const name of readdirSync(`${ROOT}${folder}`).filter((file) => file.endsWith('.test.ts')))
      test(`${folder}/${name}`, async () => {
        const { passed, failed, output } = await runFile(`${folder}/${name}`, SECONDS);
        assert.ok(passed > 0 && failed === 0, output);
      });
} else test('another driver has the lanes that it has', () => assert.match(told, /^lanes: \d+,/m));

test.run();
