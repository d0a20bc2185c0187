/**
 * The browser's example, as a user has it: checked against the installed package's types without Node's, bundled, and
 * opened in headless Chromium, where it has to see the cat in the picture.
 *
 * Without Chromium the last part is skipped, unless TESSERA_BROWSER is 'required'.
 */
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findChromium, REMEDY, runPage } from '../browser/chromium.ts';
import { type InstalledProject, installPackage } from '../helpers/installed.ts';

const test = suite('examples/browser');
const chromium = findChromium();
const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

let project: InstalledProject;
test.before(() => {
  project = installPackage();
  cpSync(here('examples/browser'), project.folder, { recursive: true });
  cpSync(here('data/photos/cat.jpg'), join(project.folder, 'cat.jpg'));
  cpSync(join(project.package, 'weights'), join(project.folder, 'weights'), { recursive: true });
});
test.after(() => project.remove());

test('it is right TypeScript, with the types of the package alone', () => {
  const { status, stdout } = project.check(
    ['classify.ts'],
    '--types',
    '',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
    '--lib',
    'es2023,dom,dom.iterable',
  );
  assert.is(status, 0, stdout);
});

test('it bundles as its page says', async () => {
  await build({
    ...{ absWorkingDir: project.folder, entryPoints: ['classify.ts'], bundle: true, format: 'esm' },
    ...{ outfile: 'classify.js', logLevel: 'silent' },
  });
  assert.ok(existsSync(join(project.folder, 'classify.js')));
});

/** Opens the example in a frame, and tells what its answers are once they are there. */
const WATCH = `
const tell = (message) => fetch('/told', { method: 'POST', body: JSON.stringify(message) });
const frame = document.createElement('iframe');
frame.src = '/index.html';
document.body.append(frame);
const look = setInterval(() => {
  const answers = frame.contentDocument?.querySelector('#answers')?.textContent ?? '…';
  if (answers.endsWith('…')) return;
  clearInterval(look);
  tell({ kind: 'end', test: answers }).then(() => tell({ kind: 'done', adapter: '' }));
}, 100);`;

if (chromium)
  test('its page sees a cat', async () => {
    const [answers] = await runPage(chromium, WATCH, project.folder);
    assert.match(
      answers!.kind === 'end' ? answers!.test : '',
      /^\d+\.\d % {2}(tabby|tiger cat|Egyptian cat)/,
    );
  });
else if (process.env.TESSERA_BROWSER === 'required')
  test('there is a Chromium', () => assert.unreachable(`Chromium is not installed; ${REMEDY}`));
else test.skip(`in Chromium, which is not installed; ${REMEDY}`, () => undefined);

test.run();
