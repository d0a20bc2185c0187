/** `taughtFile`: the network that was taught, as safetensors for `predict` and `train`, or as ONNX for other programs. */
import { heightWidth } from '../../../src/data/input-size.ts';
// It lies among Node's for the package that it writes protobuf with; it needs nothing of Node.
import { onnxBytes } from '../../../src/export/node/onnx-file.ts';
import { onnxModel } from '../../../src/export/onnx/export.ts';
import { cardMetadata } from '../../../src/weights/card.ts';
import { weightsBytes } from '../../../src/weights/create-model.ts';
import type { Calls } from '../contract.ts';
import type { Session } from './session.ts';
import { putLearnt } from './study.ts';

export async function taughtFile(
  session: Session,
  { learnt, format }: Calls['taughtFile']['argument'],
): Promise<Uint8Array<ArrayBuffer>> {
  const { classes, base, parameters } = learnt;
  const { model, preprocessing } = await session.pupil(base, classes.length);
  try {
    putLearnt(model, parameters);
    if (format === 'safetensors')
      return Uint8Array.from(
        await weightsBytes(model, { metadata: cardMetadata({ classes, preprocessing }) }),
      );
    const metadata = {
      classes: JSON.stringify(classes),
      preprocessing: JSON.stringify(preprocessing),
      model: base.model,
    };
    const shape = [...heightWidth(preprocessing.inputSize), 3];
    return Uint8Array.from(await onnxBytes(await onnxModel(model.eval(), { shape, metadata })));
  } finally {
    model.dispose();
  }
}
