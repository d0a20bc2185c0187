/** `exportOnnx`: a network as an ONNX file. */
import { Model, type Module } from '../../nn/index.ts';
import { writeWhole } from '../../node/files.ts';
import { versions } from '../../node/versions.ts';
import type { Shape } from '../../tensor/index.ts';
import { type OnnxOptions, onnxModel } from '../onnx/export.ts';
import { onnxBytes } from './onnx-file.ts';

/**
 * Writes a network as an ONNX file (`onnxModel` says what is in it); `path` holds the old content or the new one at any time.
 * PyTorch: `torch.onnx.export`.
 * @param options of which a `Model` needs none: its `shape` is its own
 * @throws Error, a sentence, where an op of the network has no row in the table of exports
 */
export async function exportOnnx(
  model: Module,
  path: string,
  options: Omit<OnnxOptions, 'shape' | 'valuesOf'> & { shape?: Shape } = {},
): Promise<void> {
  const own = model instanceof Model ? [model.inputSize, model.inputSize, 3] : null;
  const shape = options.shape ?? own;
  if (!shape)
    throw new TypeError(
      'exportOnnx: a network that is no Model does not say what it takes; give shape: [height, width, channels]',
    );
  const { tessera: version } = versions();
  await writeWhole(path, await onnxBytes(await onnxModel(model, { version: version!, ...options, shape })));
}
