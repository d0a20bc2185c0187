/**
 * The programs under examples/, as a user has them: copied into an empty project with the packed package installed,
 * checked as strictly as TypeScript can, and run.
 */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type InstalledProject, installPackage } from '../helpers/installed.ts';
import { writePictures } from './pictures.ts';

const test = suite('examples');
const examples = fileURLToPath(new URL('../../examples', import.meta.url));

/** What each program is called with, and what it says at the end. */
const RUNS: Record<string, { args: string[]; says: RegExp }> = {
  'own-op.ts': { args: [], says: /^the gradient is within \d\.\de-\d of finite differences$/m },
  'fine-tune.ts': {
    args: ['pictures', '2', '64'],
    says: /^epoch 2: (90|100)\.0 % of 10 pictures are right$/m,
  },
  'bare-loop.ts': {
    args: ['pictures', '2', '64'],
    says: /^epoch 2: (9|10) of 10 validation pictures are right$/m,
  },
  'some-filters.ts': { args: ['20'], says: /^6 of 8 filters moved: 2, 3, 4, 5, 6, 7$/m },
  'early-stopping.ts': {
    args: ['pictures', 'berries', '2', '32'],
    says: /^epoch 2: \d+\.0 % of 5 berries are found\nall epochs were run; most-found\.safetensors holds epoch [12]$/m,
  },
  'focal-loss.ts': {
    args: ['pictures', '2', '32'],
    says: /^epoch 2: balanced accuracy (0\.[89]|1\.0)\d\d$/m,
  },
  'distil.ts': {
    args: ['pictures', '4', '32'],
    says: /^the teacher: .*\nalone: .*\ntaught: loss \d\.\d\d\d, \d+\.0 % of 10 are right$/m,
  },
  'where-it-looks.ts': {
    args: ['pictures/berries', 'pretrained', '64'],
    says: /^24\.png: .+, \d+ %; (\d+|NaN) % of the map .*\n(.*\n)*where-it-looks\.png: 25 pictures$/m,
  },
  'profile.ts': {
    args: ['efficientnet_lite0', '2', '32'],
    says: /^together +\d.* 100\.0 %$(.*\n)*^trace\.json: the trace\. \d+ % of the GPU's time is .*'s$/m,
  },
  // Chance is 11 of 32.
  'from-scratch.ts': { args: ['120'], says: /^(2[5-9]|3[0-2]) of 32 new pictures are right$/m },
};

let project: InstalledProject;
test.before(async () => {
  project = installPackage();
  cpSync(examples, project.folder, { recursive: true });
  await writePictures(join(project.folder, 'pictures'), 25);
  project.link('@types/node');
});
test.after(() => project.remove());

test('each has its run here', () => {
  const programs = readdirSync(examples).filter((name) => name.endsWith('.ts'));
  assert.equal(programs.sort(), Object.keys(RUNS).sort());
});

test('they are right TypeScript, with the types of the package and of Node', () => {
  const { status, stdout } = project.check(Object.keys(RUNS), '--types', 'node');
  assert.is(status, 0, stdout);
});

for (const [name, { args, says }] of Object.entries(RUNS))
  test(`${name} runs`, () => {
    const { status, stdout, stderr } = project.node('--import', 'tsx', name, ...args);
    assert.is(status, 0, stderr);
    assert.match(stdout, says);
  });

test.run();
