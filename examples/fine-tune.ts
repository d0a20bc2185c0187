/**
 * Fine-tuning on a folder of pictures: the last layer of an ImageNet network learns the classes of the folder, the best
 * epoch is saved, the run ends when validation no longer improves, and a callback of one's own says how it goes.
 *
 *   npx tsx fine-tune.ts pictures [epochs] [side of the pictures]      pictures/cat/1.jpg …  pictures/dog/7.png …
 *
 * bare-loop.ts is the same without `fit`.
 */
import {
  AdamW,
  atSize,
  type Callback,
  Checkpoints,
  cardMetadata,
  cosine,
  createModel,
  EarlyStopping,
  fit,
  freeze,
  fromSamples,
  IMAGENET_PREPROCESSING,
  imageFolder,
  openDevice,
  saveWeights,
} from 'tessera';

const [folder = 'pictures', epochs = '4', side = '224'] = process.argv.slice(2);
const { classes, train, val } = await imageFolder(folder); // train/ and val/, or one folder that is split
const preprocessing = atSize(IMAGENET_PREPROCESSING, Number(side));
const loading = { batchSize: 16, preprocessing };

const device = await openDevice();
const model = await createModel('efficientnet_lite0', { weights: 'pretrained', numClasses: classes.length });
freeze(model, { except: ['classifier'] }); // What is frozen has no backward pass and keeps nothing for one.

const metadata = cardMetadata({ classes, preprocessing });
const best = new Checkpoints(async (which) => {
  if (which === 'best') await saveWeights(model, 'fine-tuned.safetensors', { metadata });
});

const lines: Callback = {
  name: 'lines',
  onEpoch: ({ record: { epoch, val } }) =>
    console.log(`epoch ${epoch}: ${(100 * val!.accuracy).toFixed(1)} % of ${val!.count} pictures are right`),
};

await fit({
  model,
  device,
  optimizer: new AdamW(model.parameters(), { lr: 3e-3 }),
  train: fromSamples(train, { ...loading, train: true }), // random crops and flips, in random order
  val: fromSamples(val, loading),
  epochs: Number(epochs),
  schedule: cosine(),
  callbacks: [best, new EarlyStopping({ patience: 3 }), lines],
});
device.close();
