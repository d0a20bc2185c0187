/**
 * Shapes that change with every step: fair steps of a supernet, whose children are others each time, for so long that whatever
 * is kept per shape would pile up. `node --import tsx bench/soak-supernet.ts 2000` takes 2,000 on an 8×8 space.
 *
 * What may grow at first and then not any more: buffers (the pool has a bound), pipelines (one for each specialisation), the
 * optimiser's plans and the bind groups (generations of both fall out of use and are collected).
 */
import { pathToFileURL } from 'node:url';
import type { Device } from '../src/gpu/index.ts';
import { AdamW, decayGroups } from '../src/nn/index.ts';
import { openDevice } from '../src/node/open-device.ts';
import { fairStep } from '../src/search/shared/fair.ts';
import { buildSupernet } from '../src/search/shared/supernet.ts';
import { checkSpace, type SearchSpace } from '../src/search/space.ts';
import { scope, setStep } from '../src/tensor/index.ts';
import { countCreations } from './soak.ts';

const stage = {
  stride: 1,
  kernels: [3, 5],
  expandRatios: [1, 3],
  widths: [4, 6, 8],
  depths: [1, 2],
  squeezes: [0, 0.25],
};

/** A space whose networks train in milliseconds, with a choice in every column. */
export const TINY_SPACE = checkSpace({
  name: 'tiny',
  stages: [stage, { ...stage, stride: 2 }, { ...stage, expandRatios: [2], widths: [8] }],
  stem: 4,
  head: 16,
  activation: 'silu',
  inputSize: 8,
});

export interface SupernetSoakRow {
  steps: number;
  /** Bytes of buffers in use, in the pool, and of the optimiser. */
  live: number;
  pooled: number;
  optimizer: number;
  /** Memory of the process. */
  rss: number;
  /** Created since the start. */
  buffers: number;
  pipelines: number;
  bindGroups: number;
  /** Bind groups that are not collected yet. */
  alive: number;
}

/** Takes `steps` fair steps and says after each `every` what is there. Losses are not read, so a dry device will do. */
export async function soakSupernet(
  device: Device,
  { space = TINY_SPACE, steps, every }: { space?: SearchSpace; steps: number; every: number },
  onRow: (row: SupernetSoakRow) => void,
): Promise<void> {
  const supernet = buildSupernet(space, { device, numClasses: 3, seed: 1 });
  const optimizer = new AdamW(decayGroups(supernet.parameters(), 0.05), { lr: 1e-3 });
  const step = fairStep(supernet, 1);
  const [size, side] = [4, space.inputSize];
  const images = Float32Array.from({ length: size * side * side * 3 }, (_, i) => Math.sin(i * i));
  const batch = { images, labels: Int32Array.of(0, 1, 2, 1), size, index: 0, samples: [], skipped: 0 };
  const context = { model: supernet, device, optimizer, epoch: 0, index: 0, count: 1, last: true };
  const created = countCreations(device);
  for (let done = 0; done < steps; ) {
    setStep(device, done);
    scope(() => step(batch, { ...context, step: done, holdUpdate: () => undefined })).dispose();
    await device.pace();
    if (++done % every > 0) continue;
    const { live, pooled, byKind } = device.memory();
    const { buffers, pipelines, bindGroups, alive } = created;
    const { rss } = process.memoryUsage();
    onRow({
      steps: done,
      live,
      pooled,
      optimizer: byKind.optimizer,
      rss,
      buffers,
      pipelines,
      bindGroups,
      alive,
    });
  }
  created.restore();
  optimizer.dispose();
  supernet.dispose();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const steps = Number(process.argv[2] ?? 2000);
  const device = await openDevice();
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);
  const line = (cells: unknown[]): string => `${cells.map((cell) => String(cell).padStart(10)).join(' ')}\n`;
  process.stdout.write(
    line(['steps', 'live', 'pooled', 'optimizer', 'rss MiB', 'buffers', 'pipelines', 'groups', 'alive']),
  );
  await soakSupernet(device, { steps, every: 100 }, (row) => {
    const { live, pooled, optimizer, rss, buffers, pipelines, bindGroups, alive } = row;
    const bytes = [live, pooled, optimizer, rss].map(mib);
    process.stdout.write(line([row.steps, ...bytes, buffers, pipelines, bindGroups, alive]));
  });
  device.close();
}
