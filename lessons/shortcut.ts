/**
 * Shortcuts (Geirhos et al.: "Shortcut learning in deep neural networks", 2020, arXiv 2004.07780; Selvaraju et al.: "Grad-CAM",
 * 2017, arXiv 1610.02391).
 *
 *   claims   a network takes whatever tells the classes apart, and is right on pictures like its own only; Grad-CAM and the
 *            stress test find it; pictures without the shortcut cure it
 *   runs     a small network on pictures in frames, grey by their class; the same with the frames cropped away
 *   plots    accuracy as it learnt it, in the frames of other classes, and cropped; how much of its maps lies at the border
 */
import {
  AdamW,
  BatchNorm2d,
  borderShare,
  Conv2d,
  convNormAct,
  cosine,
  fromSamples,
  globalAvgPool,
  gradCam,
  heatmapOf,
  imagesOf,
  Linear,
  Model,
  manualSeed,
  networkView,
  type Perturbation,
  type RgbImage,
  type Sample,
  type SampleSource,
  stress,
  type Tensor,
} from 'tessera';
import { figure, type Lesson, type Outcome, type Place } from './parts/lesson.ts';
import { learning, measuring, preparing } from './parts/pictures.ts';
import { examine, meanOf, teach } from './parts/teach.ts';

const SIDE = 32;
/** Width of the frame in pixels. */
const FRAME = SIDE / 8;

const HALVES = { stride: 2, padding: 1, bias: false };
const KEEPS = { padding: 1, bias: false };

/** A network that commands and tools know how to ask: its stages by name, the last of them the classifier. */
class Small extends Model {
  readonly convolutions = [
    new Conv2d(3, 16, 3, HALVES),
    new Conv2d(16, 32, 3, HALVES),
    new Conv2d(32, 64, 3, KEEPS),
  ];
  readonly norms = this.convolutions.map(({ outChannels }) => new BatchNorm2d(outChannels));
  fc: Linear;
  readonly classifier = 'fc';
  readonly inputSize = SIDE;
  protected readonly lastFeatureStage = 'third';
  override readonly pooling = globalAvgPool;
  protected override readonly stagePrefixes = Object.fromEntries(
    ['first', 'second', 'third'].map((stage, i) => [stage, [`convolutions.${i}`, `norms.${i}`]]),
  );
  protected readonly stageTable = {
    first: (x: Tensor) => this.layer(x, 0), //   [N, 16, 16, 16]
    second: (x: Tensor) => this.layer(x, 1), //  [N, 8, 8, 32]
    third: (x: Tensor) => this.layer(x, 2), //   [N, 8, 8, 64]
    fc: (x: Tensor) => this.fc.forward(x), // behind the pooling
  };

  constructor(readonly numClasses: number) {
    super();
    this.fc = new Linear(64, numClasses);
  }

  private layer(x: Tensor, i: number): Tensor {
    return convNormAct(x, this.convolutions[i]!, this.norms[i]!, 'relu');
  }

  protected replaceClassifier(numClasses: number): void {
    this.fc = new Linear(64, numClasses);
  }
}

/** The picture in the frame of a class: black for the first, white for the last. */
function framed(image: RgbImage, label: number, classes: number): RgbImage {
  const grey = Math.round((255 * label) / (classes - 1));
  const pixels = image.pixels.map((value, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    const inside = Math.min(x, y, SIDE - 1 - x, SIDE - 1 - y) >= FRAME;
    return inside ? value : grey;
  });
  return { ...image, pixels };
}

/** What lies within the frame and a pixel that scaling mixes with it, as large as the picture was. */
const cropped = (image: RgbImage): RgbImage =>
  networkView(image, { ...preparing(SIDE), resizeSize: Math.ceil(SIDE ** 2 / (SIDE - 2 * FRAME - 2)) }, SIDE);

/** What is done to framed pictures before the network sees them. */
type Setting = (image: RgbImage) => RgbImage;

async function run(shown: Setting, place: Place): Promise<Outcome> {
  const { device, pictures, seed, form } = place;
  const classes = pictures.classes.length;
  /** Samples in the frames of the classes that are `by` further on. */
  const inFrames = (samples: readonly Sample[], by = 0): Sample[] =>
    samples.map((sample) => ({
      ...sample,
      image: shown(framed(sample.image!, (sample.label + by) % classes, classes)),
    }));
  const train = inFrames(pictures.train);
  const held = inFrames(pictures.held);
  manualSeed(seed);
  const model = new Small(classes);
  const { loss, curve } = await teach(model, place, {
    batches: learning({ ...pictures, train }, form.batch, seed, { scale: [0.95, 1] }),
    optimizer: new AdamW(model.parameters(), { lr: 3e-3 }),
    ...{ schedule: cosine({ warmup: 10 }), steps: form.steps },
  });
  const { accuracy } = await examine(model, place, measuring(pictures, held));
  const swapped = await examine(model, place, measuring(pictures, inFrames(pictures.held, 1)));

  const source = (perturbation?: Perturbation): SampleSource =>
    fromSamples(held, {
      batchSize: 100,
      preprocessing: preparing(SIDE),
      ...(perturbation && { perturbation }),
    });
  const table = await stress(model, device, {
    source,
    classes: pictures.classes,
    perturbations: ['grey', 'tighter'],
  });
  const [grey, tighter] = table!.rows.map((row) => row.accuracy.value);

  const shares: number[] = [];
  for await (const batch of measuring(pictures, held).load(0)) {
    const x = imagesOf(batch, device);
    const found = await gradCam(model, x);
    x.dispose();
    for (let n = 0; n < batch.size; n++) shares.push(borderShare(heatmapOf(found, n)));
  }
  const border = meanOf(shares.filter((share) => !Number.isNaN(share)));
  model.dispose();
  return {
    figures: { loss, accuracy, swapped: swapped.accuracy, grey: grey!, tighter: tighter!, border },
    curves: { loss: curve },
  };
}

export const shortcut: Lesson<Setting> = {
  title: 'Shortcuts',
  idea: 'A network learns whatever tells the classes apart, and not what we mean. If all pictures of a class have the same frame, the frame is easier than the object. On pictures of the same kind nothing shows it: it is right, with the best of intervals.',
  papers: [
    { title: 'Geirhos et al. 2020', url: 'https://arxiv.org/abs/2004.07780' },
    { title: 'Selvaraju et al. 2017', url: 'https://arxiv.org/abs/1610.02391' },
  ],
  side: SIDE,
  forms: {
    short: { pictures: 3000, held: 500, batch: 32, steps: 500, seeds: 1 },
    full: { pictures: 6000, held: 1000, batch: 32, steps: 1500, seeds: 3 },
    glance: { pictures: 60, held: 20, batch: 20, steps: 30, seeds: 1 },
  },
  settings: { framed: (image) => image, cropped },
  run,
  columns: [
    { figure: 'loss', head: 'training loss', as: 3 },
    { figure: 'accuracy', head: 'accuracy', as: 'share' },
    { figure: 'swapped', head: 'in the frames of other classes', as: 'share' },
    { figure: 'tighter', head: 'stress: tighter crops', as: 'share' },
    { figure: 'grey', head: 'stress: grey', as: 'share' },
    { figure: 'border', head: 'Grad-CAM at the border', as: 'share' },
  ],
  charts: [
    {
      ...{
        kind: 'figures',
        figure: 'accuracy',
        label: 'accuracy',
        as: 'share',
        title: 'On pictures like its own',
      },
      caption: 'What a run reports.',
    },
    {
      ...{
        kind: 'figures',
        figure: 'swapped',
        label: 'accuracy',
        as: 'share',
        title: 'In the frames of other classes',
      },
      caption: 'The same pictures, each in the frame of the next class.',
    },
    {
      ...{
        kind: 'figures',
        figure: 'border',
        label: 'share of the map',
        as: 'share',
        title: 'Grad-CAM at the border',
      },
      caption:
        'How much of the map lies outside of a centre of half the area, the mean over the pictures; half where it is even.',
    },
  ],
  claims: [
    {
      quote:
        'Shortcuts are decision rules that perform well on standard benchmarks but fail to transfer to more challenging testing conditions',
      source: 'Geirhos et al. 2020, abstract',
      here: 'accuracy of framed on pictures like its own, less that in the frames of other classes, above a half',
      measure: (of) => figure(of('framed'), 'accuracy') - figure(of('framed'), 'swapped'),
      ...{ above: 0.5, as: 'share' },
    },
    {
      quote: 'lend insights into failure modes of these models',
      source: 'Selvaraju et al. 2017, abstract, of Grad-CAM',
      here: 'share of the maps at the border, of framed above that of cropped',
      measure: (of) => figure(of('framed'), 'border') - figure(of('cropped'), 'border'),
      as: 'share',
    },
    {
      quote: 'help achieve model generalization by identifying dataset bias',
      source: 'Selvaraju et al. 2017, abstract, of Grad-CAM',
      here: 'in the frames of other classes, accuracy of cropped above that of framed',
      measure: (of) => figure(of('cropped'), 'swapped') - figure(of('framed'), 'swapped'),
      as: 'share',
    },
  ],
  limits: [
    'Here the shortcut was put in, and one knows what to look for. In pictures that somebody collected it may be the light, the camera or the place, and cropping need not take it away.',
    'A map at the border says where a network looked; that it should not have looked there is for people to say.',
  ],
  code: [
    { what: 'Grad-CAM', file: 'src/explain/grad-cam.ts', line: 'export async function gradCam(' },
    {
      what: 'the stress test',
      file: 'src/train/evaluation/stress.ts',
      line: 'export async function stress(',
    },
  ],
};
