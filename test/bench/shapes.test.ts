/** `--shape`: what a spec means, and the sentences that wrong ones get. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nameOf } from '../../src/bench/problem.ts';
import { problemsOfShape, SHAPE_EXAMPLES } from '../../src/bench/shapes.ts';
import { PLAIN_DEVICE } from '../../src/gpu/dry.ts';

const test = suite('bench/shapes');
const namesOf = async (spec: string): Promise<string[]> =>
  (await problemsOfShape(PLAIN_DEVICE, spec)).map(nameOf);

const MEANT: readonly [spec: string, ...names: string[]][] = [
  [
    'conv:56x56x64,64,k3,s1,p1,g1,n1',
    'conv 3×3/1 1×56² 64→64 forward',
    'conv 3×3/1 1×56² 64→64 input gradient',
    'conv 3×3/1 1×56² 64→64 weight gradient',
  ],
  ['conv:56x48x64,128,k3,s2,norm,residual,relu,n8', 'conv 3×3/2 8×56×48 64→128 norm residual relu forward'],
  [
    'conv:13x13x8,12,k3x1,d2x1,p0,g4',
    'conv 3×1/1 d2×1 p0 1×13² 8→12 4 groups forward',
    'conv 3×1/1 d2×1 p0 1×13² 8→12 4 groups input gradient',
    'conv 3×1/1 d2×1 p0 1×13² 8→12 4 groups weight gradient',
  ],
  ['depthwise:28x28x144,k5,s2,norm,silu', 'depthwise 5×5/2 1×28² 144 norm silu forward'],
  [
    'matmul:512x256x128',
    'matmul 512×256×128 forward',
    'matmul 512×256×128 input gradient',
    'matmul 512×256×128 weight gradient',
  ],
  ['norm:7x7x512,n8,relu', 'batch norm 8×7²×512 relu forward', 'batch norm 8×7²×512 relu gradients'],
  [
    'maxpool:112x112x64,k3,s2,n2',
    'max-pool 3×3/2 2×112²×64 recorded forward',
    'max-pool 3×3/2 2×112²×64 recorded gradients',
  ],
  ['add:7x7x8', 'add 1×7²×8 by 1×7²×8 forward'],
  ['softmax:8x1000', 'softmax 8×1000 forward', 'softmax 8×1000 gradients'],
];

for (const [spec, ...names] of MEANT) test(spec, async () => assert.equal(await namesOf(spec), names));

test('the example of every kind is one', async () => {
  for (const example of Object.values(SHAPE_EXAMPLES))
    assert.ok((await namesOf(example)).length > 0, example);
});

const REFUSED: readonly [spec: string, ...parts: string[]][] = [
  ['', "'' begins with no kind of problem", 'conv:56x56x64,64'],
  ['cnov:1x1x1,1', 'did you mean conv?'],
  ['__proto__:1', 'begins with no kind of problem'],
  ['conv', "'' is no size", 'an example is conv:'],
  ['conv:56x56x64', "'' is no size"],
  ['conv:56x56,64', '3 sizes are needed'],
  ['conv:56x56x0,64', "'0' is no size"],
  ['conv:56x56x64,64,q3', "'q3' is no field here; there are k, s, p"],
  ['conv:56x56x64,64,k', "'k' is no field here"],
  ['conv:56x56x64,64,k3,k5', 'stands there twice'],
  ['conv:56x56x64,64,relu,silu', 'one activation at most'],
  ['conv:56x56x64,64,bias,norm', 'a bias or a norm'],
  ['conv:56x56x64,64,g3', '64 channels do not divide into 3 groups'],
  ['conv:4x4x4,4,k9,p0', 'does not fit'],
  ['conv:99999999999x1x1,1', 'is no size'],
  ['conv:1048576x1048576x1048576,1', 'is too large'],
  ['matmul:512x512x512,relu', 'there are none'],
  [`conv:${'9'.repeat(10_000)}`, 'is no size'],
  ['x'.repeat(100_000), 'begins with no kind'],
];

for (const [spec, ...parts] of REFUSED)
  test(`'${spec.slice(0, 40)}' gets a sentence`, async () => {
    try {
      await namesOf(spec);
    } catch (error) {
      const { message } = error as Error;
      assert.instance(error, RangeError, message);
      assert.ok(message.length < 600, `${message.length} characters`);
      for (const part of parts) assert.ok(message.includes(part), message);
      return;
    }
    assert.unreachable('it was taken');
  });

test.run();
