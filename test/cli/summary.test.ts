/** `npm run summary` as a command: text, JSON, exit codes and sentences. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tessera } from './in-process.ts';

async function summary(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, out, err } = await tessera('summary', ...args);
  return { code, stdout: out, stderr: err };
}

const test = suite('summary command');

test('layers, totals and a step that fits, as text', async () => {
  const { code, stdout } = await summary(
    'resnet18',
    '--batch',
    '2',
    '--size',
    '64',
    '--train-from',
    'layer4',
  );
  assert.is(code, 0);
  assert.match(
    stdout,
    /^resnet18 for pictures of 64×64 and 1000 classes: 11\.7 M parameters, 149 M multiply-adds/,
  );
  assert.match(stdout, /^ {2}layer4\.0\.conv1 +conv 3×3 \/ 2, 256 → 512 +2×2×512 +1\.18 M/m);
  assert.match(stdout, /^layer3 .* frozen$/m);
  assert.not.match(stdout, /^layer4 .* frozen$/m);
  assert.match(stdout, /^layer3 +[\d.]+ M +frozen$/m);
  assert.match(stdout, /^layer4 +[\d.]+ M +0\.0001$/m);
  assert.match(stdout, /^time, about +\d\d % +100 %$/m);
  assert.match(stdout, /^It fits /m);
});

test('one JSON document, and exit code 1 with the batch that fits where this one does not', async () => {
  const { code, stdout } = await summary(
    ...['alexnet', '--classes', '2', '--size', '64', '--batch', '1000', '--memory', '1', '--json'],
  );
  assert.is(code, 1);
  const { model, step, stages, parameters } = JSON.parse(stdout);
  assert.is(model, 'alexnet');
  assert.is(parameters, 57_012_034);
  assert.is(stages.length, 8);
  assert.not(step.fits);
  assert.ok(step.largestBatch > 0 && step.largestBatch < 1000);
});

test('where nobody asks for a batch, the largest that fits is taken and said so', async () => {
  const { code, stdout, stderr } = await summary('resnet18', '--memory', '1', '--stages');
  assert.is(code, 0);
  const [, batch] = stderr.match(
    /^Steps of 32 pictures do not fit \(a step of 32 .*, and 1,024 MiB may be used\), so --batch (\d+) is taken\.$/m,
  )!;
  assert.ok(Number(batch) > 1 && Number(batch) < 32);
  assert.match(stdout, new RegExp(`^Bytes are those of ${batch} pictures;`, 'm'));
  assert.match(stdout, /^It fits .*, with 1\.00 GiB to use \(--memory\)\.$/m);
});

test('a batch beyond a limit of the adapter: the totals, then the stage and the batch that fits', async () => {
  const asked = ['resnet18', '--batch', '20000', '--size', '64', '--stages'];
  const { code, stdout } = await summary(...asked);
  assert.is(code, 1);
  assert.match(stdout, /^A training step of 20,000 pictures, .*, without the adapter's limits:$/m);
  assert.match(stdout, /^ {2}taken in all +\S+ GiB with/m);
  assert.match(
    stdout,
    /^It does not fit .*: a tensor of conv1 takes [\d,]+ MiB, and this adapter.*; --batch \d+ fits\.$/m,
  );
  const { kept, step } = JSON.parse((await summary(...asked, '--json')).stdout);
  assert.not(step.fits || step.withinLimits);
  assert.ok(step.cost.totalBytes > kept.layer1);
});

test('one picture, too little memory: whole bytes, and the same number wherever it stands', async () => {
  const args = ['alexnet', '--size', '64', '--batch', '1', '--memory', '0.1', '--stages'];
  const { code, stdout } = await summary(...args);
  assert.is(code, 1);
  assert.match(stdout, /^Bytes are those of 1 picture;/m);
  assert.match(stdout, /^A training step of 1 picture,/m);
  assert.match(stdout, /: a step of 1 picture takes [\d,]+ MiB, and 102 MiB may be used \(--memory\);/);
  assert.not.match(stdout, /103 MiB/);
  const { memory, step } = JSON.parse((await summary(...args, '--json')).stdout);
  assert.equal([memory.bytes, step.budget], [107_374_182, 107_374_182]);
});

test('a step that no adapter can take: the reason, and the layers all the same', async () => {
  const { code, stdout } = await summary('resnet18', '--batch', '1', '--size', '32', '--stages');
  assert.is(code, 1);
  assert.match(stdout, /^layer4 +1×1×512/m);
  assert.match(stdout, /^It cannot be taken: batchNorm: expected more than 1 value .*; use a larger batch/m);
});

const WRONG: [string[], RegExp][] = [
  [['resnet19'], /there is no model 'resnet19'; did you mean resnet18\?/],
  [['resnet18', '--train-from', 'layer9'], /there is no stage 'layer9'; the stages are conv1, /],
  [['resnet18', '--optimizer', 'lion'], /the optimisers are adamw and sgd/],
  [['alexnet', '--size', '16'], /maxPool2d|conv2d/],
  [[], /missing required argument 'model'/],
];

for (const [args, sentence] of WRONG)
  test(`${args.join(' ') || 'nothing'}: a sentence`, async () => {
    const { code, stdout, stderr } = await summary(...args);
    assert.is(code, 64);
    assert.is(stdout, '');
    assert.match(stderr, sentence);
    assert.not.match(stderr, / at .*\.ts:/);
  });

test.run();
