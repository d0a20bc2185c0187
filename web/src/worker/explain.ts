/** `explain`: Grad-CAM or occlusion of one picture for one class, as `npm run explain` draws them. */
import { decodeBlob } from '../../../src/data/blob.ts';
import { networkView } from '../../../src/data/transforms.ts';
import { gradCam } from '../../../src/explain/grad-cam.ts';
import { heatmapOf } from '../../../src/explain/heatmap.ts';
import { occlusion } from '../../../src/explain/occlusion.ts';
import { overlay } from '../../../src/explain/overlay.ts';
import type { Calls, Explained } from '../contract.ts';
import { inputOf } from './classify.ts';
import { pixelsOf } from './pixels.ts';
import type { Context } from './serve.ts';
import type { Session } from './session.ts';

/** Hidden pictures in a forward pass: few, so that a slow adapter can say how far it is. */
const AT_ONCE = 4;

export function explain(
  session: Session,
  { photo, index, method }: Calls['explain']['argument'],
  { signal, tell }: Context<'explain'>,
): Promise<Explained> {
  return session.onNetwork(async ({ model, preprocessing, device, facts }) => {
    const start = performance.now();
    const image = await inputOf(photo, preprocessing, device);
    try {
      const classes = [index];
      const task = facts.decided.thresholds ? 'labels' : 'classes';
      const found =
        method === 'grad-cam'
          ? await gradCam(model, image, { classes, task })
          : await occlusion(model, image, {
              ...{ classes, task, batchSize: AT_ONCE },
              onBatch(done, total) {
                tell({ done, total });
                return !signal.aborted;
              },
            });
      signal.throwIfAborted();
      const { height, width, strengths, probabilities } = found!;
      const ms = performance.now() - start;
      const view = networkView(await decodeBlob(photo.blob, photo.name), preprocessing);
      return {
        ...{ index, ms, size: [height, width] as const, empty: !(strengths[0]! > 0) },
        probability: probabilities[index]!,
        view: pixelsOf(view),
        heat: pixelsOf(overlay(heatmapOf(found!, 0), view)),
      };
    } finally {
      image.dispose();
    }
  });
}
