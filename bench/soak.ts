/**
 * The soak test: the real training loop with everything around it (loader, partial batches, validation, checkpoints)
 * for many steps, to see that nothing grows. `node --import tsx bench/soak.ts 1000` takes 1,000 steps of ResNet-18.
 *
 * After the first epoch every buffer and every bind group should exist that will ever be needed. Both are counted by
 * wrapping the GPUDevice's methods, below everything the engine could hide.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closeLoader, fromSamples } from '../src/data/node/loader.ts';
import type { Sample } from '../src/data/sample.ts';
import type { Device } from '../src/gpu/index.ts';
import { buildModel } from '../src/models/table.ts';
import { openDevice } from '../src/node/open-device.ts';
import { randomUniform } from '../src/tensor/random.ts';
import { Checkpoints, type WriteState } from '../src/train/callbacks/checkpoints.ts';
import type { CheckpointInfo } from '../src/train/checkpoint-info.ts';
import { fit } from '../src/train/fit.ts';
import { optimizerOf, phasesOf } from '../src/train/from-settings.ts';
import { saveCheckpoint } from '../src/train/node/checkpoint.ts';
import { BEST, LAST } from '../src/train/node/run-folder.ts';
import { BEFORE, type TrainSettings } from '../src/train/settings.ts';
import { plainStep } from '../src/train/step.ts';

export interface SoakOptions {
  steps: number;
  size?: number;
  batch?: number;
  /** Steps of an epoch; the last one is of a partial batch. */
  stepsPerEpoch?: number;
  model?: string;
  onEpoch?: (row: SoakRow) => void;
}

/** What was there at the end of an epoch. */
export interface SoakRow {
  epoch: number;
  steps: number;
  /** Bytes of buffers in use and in the pool. */
  live: number;
  pooled: number;
  /** Memory of the process. */
  rss: number;
  /** Created since the start. */
  buffers: number;
  bindGroups: number;
}

/** Trains on pictures of noise; a full and a partial batch validate. */
export async function soak(device: Device, options: SoakOptions): Promise<SoakRow[]> {
  const { steps, size = 32, batch = 8, stepsPerEpoch = 10, model: name = 'resnet18', onEpoch } = options;
  const settings: TrainSettings = {
    ...BEFORE,
    data: null,
    model: name,
    weights: null,
    phases: [{ trainFrom: 'all', epochs: Math.ceil(steps / stepsPerEpoch), lr: 1e-4, backboneFactor: 1 }],
    trainNorms: true,
    batch,
    ...BEFORE,
    weightDecay: 0.01,
    decayNorms: false,
    labelSmoothing: 0.1,
    warmup: 0.05,
    size,
    augmentation: {},
    seed: 1,
  };
  const preprocessing = {
    inputSize: size,
    resizeSize: size,
    interpolation: 'bilinear' as const,
    mean: [0.5, 0.5, 0.5] as const,
    std: [0.25, 0.25, 0.25] as const,
  };
  const common = { batchSize: batch, preprocessing, seed: 1 };
  const train = fromSamples(noise((stepsPerEpoch - 1) * batch + 3, size), { ...common, train: true });
  const val = fromSamples(noise(batch + 2, size), common);
  const model = buildModel(name, { device, numClasses: 2, seed: 1 });
  const optimizer = optimizerOf(model, settings);
  const folder = await mkdtemp(join(tmpdir(), 'tessera-soak-'));
  const info: Omit<CheckpointInfo, 'format'> = {
    model: name,
    classes: ['a', 'b'],
    preprocessing,
    epoch: 0,
    step: 0,
    seed: 1,
    metrics: null,
    settings,
    pictures: '',
  };
  const created = countCreations(device);
  const rows: SoakRow[] = [];
  const write: WriteState = async (which, { progress, states }) =>
    saveCheckpoint(
      join(folder, which === 'best' ? BEST : LAST),
      model,
      info,
      which === 'last' ? { optimizer, progress, callbacks: await states() } : undefined,
    );
  const addRow = (epoch: number): void => {
    const { live, pooled } = device.memory();
    const { buffers, bindGroups } = created;
    const row = {
      epoch,
      steps: stepsPerEpoch * epoch,
      live,
      pooled,
      rss: process.memoryUsage().rss,
      buffers,
      bindGroups,
    };
    rows.push(row);
    onEpoch?.(row);
  };
  await fit({
    model,
    device,
    optimizer,
    train,
    val,
    phases: phasesOf(model, optimizer, settings),
    step: plainStep({ labelSmoothing: settings.labelSmoothing }),
    callbacks: [new Checkpoints(write), { name: 'rows', onSave: ({ progress }) => addRow(progress.epoch) }],
  });
  created.restore();
  optimizer.dispose();
  model.dispose();
  await rm(folder, { recursive: true });
  return rows;
}

function noise(count: number, side: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    file: `noise ${index}`,
    label: index % 2,
    image: {
      width: side,
      height: side,
      pixels: Uint8Array.from(
        { length: side * side * 3 },
        (_, i) => 255 * randomUniform(1, 'soak', index, i),
      ),
    },
  }));
}

export interface Creations {
  buffers: number;
  pipelines: number;
  bindGroups: number;
  /** Bind groups that JavaScript's collector has not found yet. */
  alive: number;
  restore(): void;
}

/** Counts what a device creates from now on, by wrapping the methods of its GPUDevice. */
export function countCreations({ gpu }: Device): Creations {
  const { createBuffer, createComputePipeline, createBindGroup } = gpu;
  const counts: Creations = {
    buffers: 0,
    pipelines: 0,
    bindGroups: 0,
    alive: 0,
    restore: () => Object.assign(gpu, { createBuffer, createComputePipeline, createBindGroup }),
  };
  const collected = new FinalizationRegistry(() => counts.alive--);
  gpu.createBuffer = (descriptor) => {
    counts.buffers++;
    return createBuffer.call(gpu, descriptor);
  };
  gpu.createComputePipeline = (descriptor) => {
    counts.pipelines++;
    return createComputePipeline.call(gpu, descriptor);
  };
  gpu.createBindGroup = (descriptor) => {
    counts.bindGroups++;
    counts.alive++;
    const group = createBindGroup.call(gpu, descriptor);
    collected.register(group, undefined);
    return group;
  };
  return counts;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const steps = Number(process.argv[2] ?? 1000);
  const device = await openDevice();
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(8);
  process.stdout.write(' steps  live MiB  pooled MiB   process MiB  buffers  bind groups\n');
  await soak(device, {
    steps,
    onEpoch: ({ epoch, steps: done, live, pooled, rss, buffers, bindGroups }) => {
      if (epoch > 2 && epoch % 10 !== 0 && done < steps) return;
      process.stdout.write(
        `${String(done).padStart(6)}  ${mib(live)}    ${mib(pooled)}      ${mib(rss)}  ${String(buffers).padStart(7)}  ${String(bindGroups).padStart(11)}\n`,
      );
    },
  });
  await closeLoader();
  device.close();
}
