/** `figure`, `inside` and `measure`: a network from within. */
import { heightWidth, longerSide, sizeText } from '../../../src/data/input-size.ts';
import { firstFilters } from '../../../src/explain/features.ts';
import { observing } from '../../../src/explain/observing.ts';
import { assemble } from '../../../src/gpu/program.ts';
import { summarise } from '../../../src/models/summary.ts';
import { Conv2d, type Model, tapping } from '../../../src/nn/index.ts';
import { Profiler } from '../../../src/profile/profiler.ts';
import type { Measuring } from '../../../src/profile/recording.ts';
import { noGrad, scope, type Tensor, zeros } from '../../../src/tensor/index.ts';
import type { Dispatch, FeatureMap, Figure, Inside, Measured, Photo, Pixels } from '../contract.ts';
import { inputOf } from './classify.ts';
import { pixelsOf } from './pixels.ts';
import type { Session } from './session.ts';

export async function figure(session: Session, name: string): Promise<Figure> {
  const { model, size, random } = await session.shapes(name);
  const { stages, parameters, multiplyAdds } = summarise(model, size);
  return {
    ...{ model: name, size: sizeText(size), side: longerSide(size), random, parameters, multiplyAdds },
    stages: stages.map(({ name, layers, ...stage }) => ({
      ...{ path: name, kind: 'stage', output: stage.output },
      ...{ parameters: stage.parameters, multiplyAdds: stage.multiplyAdds },
      layers: layers.map(({ name, kind, output, parameters, multiplyAdds }) => ({
        ...{ path: name, kind, output, parameters, multiplyAdds },
      })),
    })),
  };
}

// --- feature maps ---------------------------------------------------------------------------------------------

/** Channels that are shown. */
const MOST_MAPS = 48;

export async function inside(
  session: Session,
  { model: name, path, photo }: { model: string; path: string; photo: Photo },
): Promise<Inside> {
  const { model, device, preprocessing } = await session.explored(name);
  const image = await inputOf(photo, preprocessing, device);
  const result = resultOf(model, image, path);
  image.dispose();
  try {
    const values = (await result.data()) as Float32Array;
    const filters = holdsFirst(model, path) ? (await firstFilters(model)).filters.map(pixelsOf) : [];
    const { shape } = result;
    const channels = shape.at(-1)!;
    return shape.length === 4
      ? { channels, maps: mapsOf(values, shape[1]!, shape[2]!, channels), values: null, filters }
      : { channels, maps: [], values: inRows(values), filters };
  } finally {
    result.dispose();
  }
}

/** What a stage, a block or a layer hands over; fused layers hand over what their convolution does. */
function resultOf(model: Model, image: Tensor, path: string): Tensor {
  const paths = new Map([...model.namedModules()].map(([name, module]) => [module, name]));
  const isStage = model.stages.includes(path);
  let found: Tensor | null = null;
  const hold = (result: Tensor): void => {
    found?.dispose();
    found = result.alias(result.shape, true);
  };
  observing(model, () =>
    noGrad(() =>
      scope(() => {
        tapping(
          (module, result) => {
            const name = paths.get(module)!;
            if (!isStage && (name === path || name.startsWith(`${path}.`))) hold(result);
          },
          () =>
            model.stages.reduce((x, stage) => {
              const y = model.forwardStages(x, { from: stage, through: stage });
              if (stage === path) hold(y);
              return y;
            }, image),
        );
      }),
    ),
  );
  if (!found) throw new RangeError(`there is no layer '${path}' in this network`);
  return found;
}

/** Whether the first convolution is the part at `path`, or in it. */
function holdsFirst(model: Model, path: string): boolean {
  const first = [...model.namedModules()].find(([, module]) => module instanceof Conv2d)?.[0] ?? '';
  return first === path || first.startsWith(`${path}.`) || model.findStage(first) === path;
}

/** The maps of the channels that vary most over the picture. */
function mapsOf(values: Float32Array, height: number, width: number, channels: number): FeatureMap[] {
  const size = height * width;
  const spread = Float64Array.from({ length: channels }, (_, channel) => {
    let [sum, squares] = [0, 0];
    for (let at = channel; at < values.length; at += channels) {
      sum += values[at]!;
      squares += values[at]! ** 2;
    }
    return squares / size - (sum / size) ** 2;
  });
  const order = Array.from(spread.keys()).sort((a, b) => spread[b]! - spread[a]! || a - b);
  return order.slice(0, MOST_MAPS).map((channel) => ({
    channel,
    ...inGrey(
      Float32Array.from({ length: size }, (_, i) => values[i * channels + channel]!),
      width,
    ),
  }));
}

/** A row of values in rows of about as many. */
const inRows = (values: Float32Array): FeatureMap => ({
  channel: 0,
  ...inGrey(values, Math.ceil(Math.sqrt(values.length * 2))),
});

function inGrey(values: Float32Array, width: number): { pixels: Pixels; low: number; high: number } {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const height = Math.ceil(values.length / width);
  const data = new Uint8ClampedArray(4 * width * height);
  for (const [i, value] of values.entries()) {
    const grey = high > low ? (255 * (value - low)) / (high - low) : 0;
    data.set([grey, grey, grey, 255], 4 * i);
  }
  return { pixels: { width, height, data }, low, high };
}

// --- times and shaders ----------------------------------------------------------------------------------------

/** Forward passes that are timed, behind one that compiles. */
const PASSES = 3;

export async function measure(session: Session, name: string): Promise<Measured> {
  const { model, device, preprocessing } = await session.explored(name);
  const shape = [1, ...heightWidth(preprocessing.inputSize), 3];
  const pass = (): void => scope(() => noGrad(() => void model.forward(zeros(shape, { device }))));
  const shaders: Record<string, string> = {};
  const deaf = device.observe({
    dispatch({ program }) {
      shaders[program.name] ??= assemble(program, device.traits.immediates);
    },
  });
  try {
    pass();
    await device.idle();
    const profiler = await Profiler.start(device, { model });
    for (let done = 0; done < PASSES; done++) {
      pass();
      profiler.mark();
    }
    const { dispatches, measuring } = await profiler.stop();
    if (device.fault) throw device.fault;
    // A pass dispatches the same as the one before, in the same order: of the times of each the median counts.
    const count = dispatches.length / PASSES;
    const medians = dispatches.slice(0, count).map(({ layer, op, program, groups }, i): Dispatch => {
      const times = Array.from({ length: PASSES }, (_, pass) => dispatches[pass * count + i]!)
        .map(({ start, end }) => end - start)
        .sort((a, b) => a - b);
      return { layer, op, program, groups: [...groups], ms: times[PASSES >> 1]! };
    });
    return { how: howMeasured(measuring), dispatches: medians, shaders };
  } finally {
    deaf();
  }
}

function howMeasured({ method, why, quantum }: Measuring): string {
  if (method === 'waiting') return `by waiting for each dispatch, since ${why}`;
  const steps = quantum && quantum >= 1000 ? `, in steps of ${(quantum / 1000).toFixed(0)} µs` : '';
  return `by the GPU's timestamps${steps}`;
}
