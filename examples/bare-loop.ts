/**
 * Fine-tuning on a folder of pictures as a bare loop, every line of it one's own: the last layer of an ImageNet network
 * learns the classes of the folder. `fit` (fine-tune.ts) does the same and more in fewer lines.
 *
 *   npx tsx bare-loop.ts pictures [epochs] [side of the pictures]      pictures/cat/1.jpg …  pictures/dog/7.png …
 */
import {
  AdamW,
  atSize,
  cardMetadata,
  cosine,
  createModel,
  crossEntropy,
  freeze,
  heightWidth,
  IMAGENET_PREPROCESSING,
  imageFolder,
  loadBatches,
  noGrad,
  openDevice,
  saveWeights,
  scope,
  tensor,
} from 'tessera';

const [folder = 'pictures', epochs = '4', side = '224'] = process.argv.slice(2);
const { classes, train, val } = await imageFolder(folder);
const preprocessing = atSize(IMAGENET_PREPROCESSING, Number(side));
const loading = { batchSize: 16, preprocessing };

const device = await openDevice();
const model = await createModel('efficientnet_lite0', { weights: 'pretrained', numClasses: classes.length });
freeze(model, { except: ['classifier'] });
const optimizer = new AdamW(model.parameters(), { lr: 3e-3 });
const schedule = cosine();
const steps = Number(epochs) * Math.ceil(train.length / loading.batchSize);
const picturesOf = (images: Float32Array, count: number) =>
  tensor(images, [count, ...heightWidth(preprocessing.inputSize), 3]);

let step = 0;
for (let epoch = 0; epoch < Number(epochs); epoch++) {
  model.train();
  for await (const { images, labels, size } of loadBatches(train, { ...loading, train: true, epoch })) {
    optimizer.lrFactor = schedule(step++, steps);
    const loss = scope(() => {
      const loss = crossEntropy(model.forward(picturesOf(images, size)), labels);
      loss.backward();
      optimizer.step(loss); // Nothing happens where the loss is not finite.
      optimizer.zeroGrad();
      return loss;
    });
    if (step % 10 === 1) console.log(`step ${step} of ${steps}: loss ${(await loss.item()).toFixed(3)}`);
    loss.dispose();
    await device.pace(); // At most two steps wait for the GPU.
  }

  model.eval();
  let right = 0;
  for await (const { images, labels, size } of loadBatches(val, loading)) {
    const logits = noGrad(() => scope(() => model.forward(picturesOf(images, size))));
    const scores = await logits.data();
    logits.dispose();
    const row = (n: number) => [...scores.subarray(n * classes.length, (n + 1) * classes.length)];
    right += labels.filter((label, n) => row(n).indexOf(Math.max(...row(n))) === label).length;
  }
  console.log(`epoch ${epoch + 1}: ${right} of ${val.length} validation pictures are right`);
}

await saveWeights(model, 'bare-loop.safetensors', { metadata: cardMetadata({ classes, preprocessing }) });
device.close();
