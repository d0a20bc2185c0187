/** The package as an importer gets it: compiled to JavaScript with declarations, under the names of package.json. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('package');
const root = fileURLToPath(new URL('..', import.meta.url));
// Inside the repository, so that the compiled files find the packages.
const out = join(root, 'node_modules', '.cache', 'tessera-package-test');

test.before(() => {
  rmSync(out, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', out], { cwd: root });
});
test.after(() => rmSync(out, { recursive: true, force: true }));

test('what package.json promises is built', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const path of Object.values<string>(exports['.']))
    assert.ok(existsSync(join(out, path.replace('./dist/', ''))), `${path} is not built`);
});

test('the compiled package computes', async () => {
  const { openDevice, relu, tensor } = await import(pathToFileURL(join(out, 'index.js')).href);
  const device = await openDevice();
  const x = tensor([-1, 2, -3, 4], [2, 2], { requiresGrad: true });
  const y = relu(x);
  y.backward(tensor([1, 1, 1, 1], [2, 2]));
  assert.equal([...(await y.data())], [0, 2, 0, 4]);
  assert.equal([...(await x.grad.data())], [0, 1, 0, 1]);
  device.close();
});

test('its declarations need nothing of who imports them: no skipLibCheck, no types named', () => {
  const consumer = join(out, 'consumer.mts');
  writeFileSync(
    consumer,
    "import { createModel } from './index.js';\nexport const model = createModel('resnet18');\n",
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const flags = ['--noEmit', '--strict', '--ignoreConfig', '--target', 'es2022', '--module', 'nodenext'];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...flags, consumer], { encoding: 'utf8' });
  assert.is(status, 0, stdout);
});

test('a packed and installed package starts its command', () => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const installed = join(out, 'installed');
  for (const name of [...files, 'package.json'].filter((name) => /^(bin|src|.*\.json)$/.test(name)))
    cpSync(join(root, name), join(installed, name), { recursive: true });
  const command = join(installed, 'bin', 'tessera.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'summary', '--help'], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, /Prints the stages and layers/);
});

test.run();
