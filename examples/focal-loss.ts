/**
 * A step of one's own: the focal loss (Lin et al. 2017, arXiv 1708.02002), which counts what a network is sure of for
 * little, so that many easy pictures do not drown a few hard ones.
 *
 *   FL = −(1 − p)² · log p        p: probability of the right class; the gradient goes through both factors
 *
 * A step records forward, loss, backward and update of a batch and returns the loss; `fit` does everything else.
 *
 *   npx tsx focal-loss.ts pictures [epochs] [side of the pictures]
 */
import {
  AdamW,
  atSize,
  createModel,
  fit,
  freeze,
  fromSamples,
  IMAGENET_PREPROCESSING,
  imageFolder,
  imagesOf,
  logSoftmax,
  mean,
  mul,
  openDevice,
  type Step,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
} from 'tessera';

const [folder = 'pictures', epochs = '4', side = '224'] = process.argv.slice(2);
const { classes, train, val } = await imageFolder(folder);
const loading = { batchSize: 16, preprocessing: atSize(IMAGENET_PREPROCESSING, Number(side)) };

const device = await openDevice();
const model = await createModel('efficientnet_lite0', { weights: 'pretrained', numClasses: classes.length });
freeze(model, { except: ['classifier'] });

/** Of logits [N, C] and labels: 1 for the class of each picture, 0 for the others, picks p and log p. */
function focalLoss(logits: Tensor, labels: Int32Array): Tensor {
  const right = new Float32Array(logits.size);
  for (const [n, label] of labels.entries()) right[n * classes.length + label] = 1;
  const ofLabels = (x: Tensor) => sum(mul(x, tensor(right, logits.shape)), 1); // [N]
  const missing = sub(ofLabels(softmax(logits)), 1); // p − 1, squared below
  return mul(mean(mul(mul(missing, missing), ofLabels(logSoftmax(logits)))), -1);
}

const focalStep: Step = (batch, { model, device, optimizer }) => {
  const loss = focalLoss(model.forward(imagesOf(batch, device)), batch.labels);
  loss.backward();
  optimizer.step(loss); // Nothing happens where the loss is not finite.
  optimizer.zeroGrad();
  return loss;
};

await fit({
  model,
  device,
  optimizer: new AdamW(model.parameters(), { lr: 3e-3 }),
  train: fromSamples(train, { ...loading, train: true }),
  val: fromSamples(val, loading),
  epochs: Number(epochs),
  step: focalStep,
  callbacks: [
    {
      name: 'lines',
      onEpoch: ({ record: { epoch, val } }) =>
        console.log(`epoch ${epoch}: balanced accuracy ${val!.balancedAccuracy!.toFixed(3)}`),
    },
  ],
});
device.close();
