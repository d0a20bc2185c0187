/**
 * A large network teaches a small one. The last layer of an ImageNet network learns the classes of a folder of pictures; then
 * a small network learns them from scratch, once by itself and once from what the large one says to every cut and flipped
 * picture. Whether that is worth anything depends on the pictures and on the teacher: the last two lines say.
 *
 *   npx tsx distil.ts pictures [epochs] [side of the pictures]
 */
import {
  AdamW,
  atSize,
  cosine,
  createModel,
  distilStep,
  fit,
  freeze,
  fromSamples,
  IMAGENET_PREPROCESSING,
  imageFolder,
  type Model,
  openDevice,
  plainStep,
  type Step,
} from 'tessera';

const [folder = 'pictures', epochs = '20', side = '64'] = process.argv.slice(2);
const { classes, train, val } = await imageFolder(folder);
const loading = { batchSize: 16, preprocessing: atSize(IMAGENET_PREPROCESSING, Number(side)) };
const pictures = { train: fromSamples(train, { ...loading, train: true }), val: fromSamples(val, loading) };
const numClasses = classes.length;

const device = await openDevice();
async function learn(name: string, model: Model, epochs: number, step: Step): Promise<void> {
  const optimizer = new AdamW(model.parameters(), { lr: 3e-3 });
  const { progress } = await fit({ model, device, optimizer, ...pictures, epochs, step, schedule: cosine() });
  const { loss, accuracy } = progress.history.at(-1)!.val!;
  console.log(
    `${name}: loss ${loss.toFixed(3)}, ${(100 * accuracy).toFixed(1)} % of ${val.length} are right`,
  );
}

const teacher = await createModel('efficientnet_lite0', { weights: 'pretrained', numClasses });
freeze(teacher, { except: ['classifier'] });
await learn('the teacher', teacher, 2, plainStep());

const small = {
  name: 'small',
  // expandRatio, kernel, stride, channels, repeats, squeeze
  rows: [
    [1, 3, 1, 16, 1, 0],
    [3, 3, 2, 24, 1, 0],
    [3, 3, 2, 32, 1, 0],
  ],
  stem: 16,
  head: 64,
  activation: 'relu',
  inputSize: Number(side),
  dropPath: 0,
} as const;
const steps = { alone: plainStep(), taught: distilStep({ teacher, temperature: 4, share: 0.9 }) };
for (const [name, step] of Object.entries(steps))
  await learn(name, await createModel(small, { numClasses, seed: 1 }), Number(epochs), step);
device.close();
