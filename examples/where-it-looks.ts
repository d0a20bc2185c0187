/**
 * Grad-CAM over a folder: a contact sheet with each picture beside the map of where the network found what speaks for its
 * answer. Maps that lie at the border in most pictures of a class say that the network looks at framing or background; how
 * much of each does is said, a half where a map is even.
 *
 *   npx tsx where-it-looks.ts pictures [weights, such as fine-tuned.safetensors] [side of the pictures]
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  atSize,
  borderShare,
  contactSheet,
  createModel,
  evalTransform,
  gradCam,
  heatmapOf,
  heightWidth,
  networkView,
  openDevice,
  openNamed,
  overlay,
  type RgbImage,
  readImage,
  tensor,
  writeImage,
} from 'tessera';

const [folder = 'pictures', weights = 'pretrained', side] = process.argv.slice(2);
const network = 'efficientnet_lite0';
const known = await openNamed(weights, network); // The file says its classes and how pictures are prepared.
const { classes, preprocessing: own } = known.card;
if (!classes || !own) throw new Error(`${weights} does not say its classes and preprocessing`);
const preprocessing = side === undefined ? own : atSize(own, Number(side));
const prepare = evalTransform(preprocessing);

const device = await openDevice();
const model = await createModel(network, { weights: known, use: 'answer' });
const tiles: RgbImage[] = [];
for (const name of (await readdir(folder, { recursive: true })).sort()) {
  if (!/\.(jpe?g|png|webp)$/i.test(name)) continue;
  const image = await readImage(join(folder, name));
  const x = tensor(prepare(image, Math.random), [1, ...heightWidth(preprocessing.inputSize), 3]);
  const found = await gradCam(model, x);
  x.dispose();
  const [map, index] = [heatmapOf(found, 0), found.classes[0]!];
  const seen = networkView(image, preprocessing, 224);
  tiles.push(seen, overlay(map, seen));
  const [share, sure] = [borderShare(map), found.probabilities[index]!].map(
    (part) => `${Math.round(100 * part)} %`,
  );
  console.log(`${name}: ${classes[index]}, ${sure}; ${share} of the map in the outer half`);
}
await writeImage('where-it-looks.png', contactSheet(tiles, { columns: 6, side: 224 }));
console.log(`where-it-looks.png: ${tiles.length / 2} pictures`);
device.close();
