/** The package as who imports it gets it: packed, unpacked into an empty project, under the names of package.json. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type InstalledProject, installPackage } from './helpers/installed.ts';

const test = suite('package');
let project: InstalledProject;
test.before(() => {
  project = installPackage();
});
test.after(() => project.remove());

test('what package.json promises is in the tarball', () => {
  const { exports, bin } = JSON.parse(readFileSync(join(project.package, 'package.json'), 'utf8'));
  const paths = [...Object.values<object | string>(exports), bin].flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values<string>(target),
  );
  for (const path of paths) assert.ok(existsSync(join(project.package, path)), `${path} is missing`);
});

test('it computes, with weights and gradients', () => {
  writeFileSync(
    join(project.folder, 'compute.mjs'),
    `import { createModel, openDevice, relu, tensor } from 'tessera';
const device = await openDevice();
const x = tensor([-1, 2, -3, 4], [2, 2], { requiresGrad: true });
const y = relu(x);
y.backward(tensor([1, 1, 1, 1], [2, 2]));
const model = await createModel('efficientnet_lite0', { weights: 'pretrained' });
console.log(JSON.stringify([[...(await y.data())], [...(await x.grad.data())], model.numClasses]));
device.close();`,
  );
  const { status, stdout, stderr } = project.node('compute.mjs');
  assert.is(status, 0, stderr);
  assert.equal(JSON.parse(stdout), [[0, 2, 0, 4], [0, 1, 0, 1], 1000]);
});

test('its declarations need nothing of who imports them: no skipLibCheck, no types named or installed', () => {
  writeFileSync(
    join(project.folder, 'consumer.ts'),
    [
      "import { createModel } from 'tessera';",
      "import { createModel as inBrowser, verify } from 'tessera/browser';",
      "export const models = [createModel('resnet18'), inBrowser('resnet18', { folder: '/weights/' })];",
      'export { verify };',
    ].join('\n'),
  );
  const { status, stdout } = project.check(['consumer.ts']);
  assert.is(status, 0, stdout);
});

test('it starts its command', () => {
  const command = join(project.package, 'bin', 'tessera.mjs');
  const { status, stdout, stderr } = project.node(command, 'summary', '--help');
  assert.is(status, 0, stderr);
  assert.match(stdout, /Prints the stages and layers/);
});

test.run();
