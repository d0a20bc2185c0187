/** Tessera itself, as one of the peers: the same files, the same calls. */
import { readFileSync } from 'node:fs';
import type { Device } from '../../../src/gpu/index.ts';
import { crossEntropy } from '../../../src/kernels/index.ts';
import { SGD } from '../../../src/nn/index.ts';
import { openDevice } from '../../../src/node/open-device.ts';
import { noGrad, scope, tensor } from '../../../src/tensor/index.ts';
import { createModel } from '../../../src/weights/node/create-model.ts';
import { floats, integers, versionOf } from './files.ts';
import { serve } from './serve.ts';

let device: Device;
let call: (input: number) => Promise<ArrayLike<number>>;

await serve({
  async open() {
    device = await openDevice();
    const { version } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as {
      version: string;
    };
    return {
      adapter: device.info.device || device.info.description,
      kind: 'webgpu',
      versions: { tessera: version, webgpu: versionOf('webgpu') },
    };
  },
  async load({ network, pass, batch, size, classes, rate, momentum, files }) {
    const model = await createModel(network, {
      device,
      weights: files.safetensors,
      numClasses: classes,
      dropout: 0,
      ...(JSON.stringify(network).match(/efficientnet|table/) && { dropPath: 0 }),
    });
    const shape = [batch, size, size, 3];
    const pictures = files.nhwc.map(floats);
    if (pass === 'forward') {
      model.eval();
      call = async (input) => {
        const x = tensor(pictures[input]!, shape, { device });
        const y = noGrad(() => scope(() => model.forward(x)));
        const values = (await y.data()) as Float32Array;
        x.dispose();
        y.dispose();
        return values;
      };
      return null;
    }
    model.train();
    const labels = files.labels.map(integers);
    const optimizer = new SGD(
      [...model.namedParameters()].map(([, parameter]) => parameter),
      { lr: rate, momentum },
    );
    call = async (input) => {
      const loss = scope(() => {
        const error = crossEntropy(
          model.forward(tensor(pictures[input]!, shape, { device })),
          labels[input]!,
        );
        error.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return error;
      });
      const value = await loss.item();
      loss.dispose();
      return [value];
    };
    return null;
  },
  call: (input) => call(input),
});
