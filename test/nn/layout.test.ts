/** Weight layouts against the definition, written as the plainest loops. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { engineShape, fromTorch, type Layout, torchShape, toTorch } from '../../src/nn/layout.ts';

const layout = suite('nn: weight layouts');

function ramp(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => i);
}

const CONVOLUTIONS = [
  [5, 3, 1, 1],
  [33, 4, 3, 5], // more outputs than a block, and an odd rest
  [16, 1, 3, 3], // depthwise: [kh, kw, 1, cout]
  [1, 2, 7, 7],
];

for (const [cout, cin, kh, kw] of CONVOLUTIONS) {
  layout(`conv [${cout}, ${cin}, ${kh}, ${kw}]: [kh, kw, cin, cout]`, () => {
    const torch = ramp(cout * cin * kh * kw);
    const { data, shape } = fromTorch(torch, [cout, cin, kh, kw], 'conv');
    assert.equal(shape, [kh, kw, cin, cout]);
    for (let o = 0; o < cout; o++)
      for (let c = 0; c < cin; c++)
        for (let y = 0; y < kh; y++)
          for (let x = 0; x < kw; x++) {
            assert.is(data[((y * kw + x) * cin + c) * cout + o], torch[((o * cin + c) * kh + y) * kw + x]);
          }
    assert.equal(toTorch(data, shape, 'conv'), { data: torch, shape: [cout, cin, kh, kw] });
  });
}

layout('linear: [in, out]', () => {
  const { data, shape } = fromTorch(ramp(6), [2, 3], 'linear');
  assert.equal({ data, shape }, { data: Float32Array.of(0, 3, 1, 4, 2, 5), shape: [3, 2] });
  assert.equal(toTorch(data, shape, 'linear'), { data: ramp(6), shape: [2, 3] });
});

layout('linearAfter: the same answer for a flattened C,H,W map as for its H,W,C form', () => {
  const [channels, height, width, out] = [3, 2, 5, 17];
  const inputs = channels * height * width;
  const weight = ramp(out * inputs);
  const after: Layout = { linearAfter: [channels, height, width] };
  const { data, shape } = fromTorch(weight, [out, inputs], after);
  assert.equal(shape, [inputs, out]);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let o = 0; o < out; o++) {
          const torchInput = (c * height + y) * width + x;
          const engineInput = (y * width + x) * channels + c;
          assert.is(data[engineInput * out + o], weight[o * inputs + torchInput]);
        }
  assert.equal(toTorch(data, shape, after), { data: weight, shape: [out, inputs] });
});

layout('plain moves nothing and copies nothing', () => {
  const data = ramp(3);
  assert.is(fromTorch(data, [3], 'plain').data, data);
  assert.is(toTorch(data, [3], 'plain').data, data);
});

layout('shapes go both ways', () => {
  const cases: [engine: number[], layout: Layout, torch: number[]][] = [
    [[3, 5, 4, 8], 'conv', [8, 4, 3, 5]],
    [[12, 7], 'linear', [7, 12]],
    [[12, 7], { linearAfter: [3, 2, 2] }, [7, 12]],
    [[2, 3, 4], 'plain', [2, 3, 4]],
    [[], 'plain', []],
  ];
  for (const [engine, kind, torch] of cases) {
    assert.equal(torchShape(engine, kind), torch);
    assert.equal(engineShape(torch, kind), engine);
  }
});

layout('a shape that does not suit its layout is refused in a sentence', () => {
  assert.throws(() => torchShape([3, 3], 'conv'), /\[3, 3\] cannot be in the layout conv/);
  assert.throws(() => torchShape([1, 1, 3, 3], 'linear'), /layout linear/);
  assert.throws(() => engineShape([7, 13], { linearAfter: [3, 2, 2] }), /layout linearAfter \[3, 2, 2\]/);
  assert.throws(() => fromTorch(ramp(5), [2, 3], 'linear'), /\[2, 3\] does not hold 5 numbers/);
});

layout.run();
