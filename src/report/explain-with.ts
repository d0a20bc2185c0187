/** Grad-CAM of the pictures that a report shows. */
import { gradCam, placingStage } from '../explain/grad-cam.ts';
import { heatmapOf } from '../explain/heatmap.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { imagesOf } from '../train/infer.ts';
import type { Explain } from './examples.ts';

/**
 * Where `model` finds what speaks for the class that it takes each picture for, on the map of the deepest stage that tells
 * places apart: of small pictures the last one has too few.
 */
export function explainWith(model: Model, device: Device): Explain {
  let stage: string | undefined;
  return async (batch, classes) => {
    const pictures = imagesOf(batch, device);
    try {
      stage ??= placingStage(model, device, pictures.shape.slice(1, 3) as [number, number]);
      const explanation = await gradCam(model, pictures, { classes, stage });
      return Array.from({ length: batch.size }, (_, index) => heatmapOf(explanation, index));
    } finally {
      pictures.dispose();
    }
  };
}
