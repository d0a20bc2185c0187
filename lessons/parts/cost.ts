/** What a computation costs: arithmetic and traffic as the kernels count them, measured time, and what the adapter allows. */
import { add, type Device, empty, matmul, noGrad, scope } from 'tessera';
import { median } from '../../src/train/evaluation/intervals.ts';

export interface Cost {
  /** Median time of a call. */
  ms: number;
  /** FLOPs for each byte that must move. */
  intensity: number;
  gflops: number;
}

/** What `body` costs when nothing waits before or after it, gradients aside. */
export async function costOf(device: Device, body: () => unknown, calls = 15): Promise<Cost> {
  let [flops, bytes] = [0, 0];
  const ignore = device.observe({
    dispatch(event) {
      flops += event.flops;
      bytes += event.bytes;
    },
  });
  const once = async (): Promise<number> => {
    const begun = performance.now();
    noGrad(() => scope(() => void body()));
    await device.idle();
    return performance.now() - begun;
  };
  await device.idle();
  await once(); // compiles
  ignore();
  const times: number[] = [];
  while (times.length < calls) times.push(await once());
  const ms = median(times);
  return { ms, intensity: flops / bytes, gflops: flops / ms / 1e6 };
}

/** GFLOP/s of a large matrix product, and GB/s of a large sum. */
interface Ceilings {
  peak: number;
  bandwidth: number;
}

/** Measured once for each device. */
const known = new WeakMap<Device, Ceilings>();

/**
 * The roofline (Williams, Waterman & Patterson 2009): GFLOP/s that a computation of so many FLOPs a byte can reach here,
 * min(peak, intensity · bandwidth).
 */
export async function roofAt(device: Device, intensity: number): Promise<number> {
  const { peak, bandwidth } = known.get(device) ?? (await measuredCeilings(device));
  return Math.min(peak, intensity * bandwidth);
}

async function measuredCeilings(device: Device): Promise<Ceilings> {
  const [matrix, vector] = [
    empty(device, [1024, 1024], { owned: true }),
    empty(device, [2 ** 23], { owned: true }),
  ];
  const product = await costOf(device, () => matmul(matrix, matrix), 5);
  const sum = await costOf(device, () => add(vector, vector), 5);
  matrix.dispose();
  vector.dispose();
  const ceilings = { peak: product.gflops, bandwidth: sum.gflops / sum.intensity };
  known.set(device, ceilings);
  return ceilings;
}
