/** The program of index.html: classifies the picture of the page, then every one that is chosen. */
import {
  createModel,
  decodeBlob,
  evalTransform,
  IMAGENET_CLASSES,
  IMAGENET_PREPROCESSING,
  noGrad,
  openDevice,
  scope,
  softmax,
  tensor,
} from 'tessera/browser';

const picture = document.querySelector<HTMLImageElement>('#picture')!;
const choose = document.querySelector<HTMLInputElement>('#choose')!;
const answers = document.querySelector<HTMLElement>('#answers')!;
const prepare = evalTransform(IMAGENET_PREPROCESSING); // resized, cropped to 224 pixels, normalised

async function classify(blob: Blob, name: string): Promise<void> {
  const image = await decodeBlob(blob, name);
  const probabilities = noGrad(() =>
    scope(() => softmax(model.forward(tensor(prepare(image, Math.random), [1, 224, 224, 3])))),
  );
  const shares = [...(await probabilities.data())];
  probabilities.dispose();
  const likeliest = [...shares.keys()].sort((a, b) => shares[b]! - shares[a]!).slice(0, 5);
  answers.textContent = likeliest
    .map((index) => `${(100 * shares[index]!).toFixed(1)} %  ${IMAGENET_CLASSES[index]}`)
    .join('\n');
}

/** Whatever goes wrong is shown: a browser without WebGPU, a file that is no picture. */
const shown = (error: unknown) => {
  answers.textContent = `${error}`;
};

choose.addEventListener('change', () => {
  const [file] = choose.files!;
  if (!file) return;
  picture.src = URL.createObjectURL(file);
  classify(file, file.name).catch(shown);
});

addEventListener('unhandledrejection', ({ reason }) => shown(reason));
await openDevice();
const model = (await createModel('efficientnet_lite0', { weights: 'pretrained' })).eval(); // from weights/;
const first = await fetch(picture.src);
await classify(await first.blob(), picture.src);
