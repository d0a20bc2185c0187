/**
 * Where a training step spends its time: by program, op and layer, and what JavaScript and the GPU did meanwhile. The trace
 * opens in https://ui.perfetto.dev. `forward` in place of `step` profiles the network's answer alone.
 *
 *   npx tsx profile.ts [model] [batch] [size] [step|forward] [trace.json]
 */
import { writeFileSync } from 'node:fs';
import { createModel, crossEntropy, noGrad, openDevice, profile, SGD, scope, tensor } from 'tessera';

const [name = 'resnet18', batch = '4', size = '112', what = 'step', file = 'trace.json'] =
  process.argv.slice(2);
const [count, side] = [Number(batch), Number(size)];

// Timestamps are asked for when the device is opened; without them every dispatch is waited for.
const device = await openDevice({ profile: true });
const model = await createModel(name, { numClasses: 10 });
const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
const labels = Int32Array.from({ length: count }, (_, index) => index % 10);

async function step(): Promise<void> {
  scope(() => {
    const values = Float32Array.from({ length: count * side * side * 3 }, () => 2 * Math.random() - 1);
    const pictures = tensor(values, [count, side, side, 3]);
    if (what === 'forward') {
      noGrad(() => void model.eval().forward(pictures));
      return;
    }
    const loss = crossEntropy(model.train().forward(pictures), labels);
    loss.backward();
    optimizer.step(loss);
    optimizer.zeroGrad();
  });
  await device.pace();
}

const { text, trace, profile: found } = await profile(device, step, { warmUp: 2, steps: 5 });
console.log(text.join('\n'));
writeFileSync(file, trace);
const slowest = found.layers[0]!;
console.log(
  `\n${file}: the trace. ${(100 * slowest.share).toFixed(0)} % of the GPU's time is ${slowest.name}'s`,
);
device.close();
