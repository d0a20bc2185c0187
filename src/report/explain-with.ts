/** Grad-CAM of the pictures that a report shows. */
import { gradCam } from '../explain/grad-cam.ts';
import { heatmapOf } from '../explain/heatmap.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { tensor } from '../tensor/index.ts';
import type { Explain } from './examples.ts';

/** Where `model` finds what speaks for the class that it takes each picture for. */
export function explainWith(model: Model, device: Device): Explain {
  return async (images, count, classes) => {
    const side = Math.sqrt(images.length / count / 3);
    const pictures = tensor(images, [count, side, side, 3], { device });
    try {
      const explanation = await gradCam(model, pictures, { classes });
      return Array.from({ length: count }, (_, index) => heatmapOf(explanation, index));
    } finally {
      pictures.dispose();
    }
  };
}
