/**
 * The optimiser's update: AdamW over all parameters of a network, in the few dispatches that a step takes. Every value is read
 * with its gradient and its two averages, and three of them are written: 28 bytes and some 12 FLOPs.
 */
import { boundless, type DeviceLike, dryDevice } from '../gpu/dry.ts';
import type { Device } from '../gpu/index.ts';
import { buildModel } from '../models/table.ts';
import { AdamW, fill } from '../nn/index.ts';
import { empty, type Shape, sizeOf } from '../tensor/index.ts';
import type { Task } from './tasks.ts';

const FLOPS = 12;
const BYTES = 28;

/** The update of a network's parameters, as a task. Nothing checks it here; test/nn/optimizers.test.ts does. */
export async function updateTask(like: DeviceLike, device: Device, network: string): Promise<Task> {
  const shapes = await shapesOf(like, network);
  const values = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  return {
    facts: {
      name: `adamw ${network} update`,
      group: 'kernels',
      op: 'adamw',
      pass: 'update',
      variant: null,
      networks: [{ name: network, times: 1 }],
      flops: FLOPS * values,
      bytes: BYTES * values,
    },
    prepare: () => {
      const parameters = shapes.map((shape, index) => {
        const [parameter, gradient] = ['parameter', 'gradient'].map((what) => {
          const tensor = empty(device, shape, { owned: true, requiresGrad: what === 'parameter' });
          fill(tensor, { uniform: 1 }, index, what);
          return tensor;
        });
        parameter!.grad = gradient!;
        return parameter!;
      });
      const optimizer = new AdamW(parameters, { lr: 1e-6 });
      return {
        sets: 1,
        run: () => optimizer.step(),
        dispose: () => {
          optimizer.zeroGrad();
          optimizer.dispose();
          for (const parameter of parameters) parameter.dispose();
        },
      };
    },
    check: () => Promise.resolve(null),
  };
}

async function shapesOf(like: DeviceLike, network: string): Promise<Shape[]> {
  const { device } = await dryDevice(boundless(like));
  const shapes = [...buildModel(network, { device, initialise: false }).parameters()].map(
    ({ shape }) => shape,
  );
  device.close();
  return shapes;
}
