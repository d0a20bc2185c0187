/**
 * A stand-in for the decoder of an image generator, which leaves its fingerprint in a photograph.
 *
 * Generators build a picture from small to large by transposed convolutions: zeros are put between the pixels,
 * then a kernel smooths them. Unless its four phases weigh the same, a faint grid remains, a peak in the
 * spectrum ("Detecting and Simulating Artifacts in GAN Fake Images", Zhang, Karaman and Chang 2019,
 * arXiv 1907.06515; "Deconvolution and Checkerboard Artifacts", Odena et al. 2016). Like the paper's AutoGAN,
 * the stand-in takes a real picture and gives back the same content, so that content tells nothing:
 *
 *     g₀ = picture,  gₛ₊₁ = average of 2 × 2 of gₛ            (three times: 1/8 of the size)
 *     y₃ = g₃,       yₛ = Kₛ ∗ zeros-between(yₛ₊₁) + d · (gₛ − U(gₛ₊₁))
 *
 * Kₛ is a 4 × 4 kernel for each pair of channels: the smooth U = [1 3 3 1]/4 ⊗ [1 3 3 1]/4, bent by random
 * numbers that average to none, times a mixing of channels close to the identity. The second term hands back
 * the detail that averaging lost, as a trained decoder would, a little less of it (d < 1). With K = U and
 * d = 1 the picture comes back as it was.
 */
import { normalAt, randomKey, uniformAt } from '../tensor/random.ts';
import { newImage, type RgbImage } from './image.ts';

const STAGES = 3;
/** A picture's sides must be multiples of this. */
export const GENERATOR_STEP = 2 ** STAGES;

/** One random decoder. */
export interface Generator {
  /** Kernels of the stages from small to large, each `[4, 4, 3 in, 3 out]`. */
  kernels: Float32Array[];
  /** Share of the lost detail that is handed back, d. */
  detail: number;
}

/** How strong the fingerprints are. */
export interface GeneratorStrength {
  /** Standard deviation of the bends of a kernel's entries, relative to them: from, to (drawn per decoder). */
  bend: readonly [number, number];
  /** Standard deviation of the mixing of channels. */
  mixing: number;
  /** Share of detail handed back: from, to (drawn per decoder). */
  detail: readonly [number, number];
}

/** One axis of the smooth kernel; even and odd output pixels each see weights that sum to 1. */
const SMOOTH = [0.25, 0.75, 0.75, 0.25];

/** The decoder that belongs to this seed and number. */
export function randomGenerator(seed: number, number: number, strength: GeneratorStrength): Generator {
  const key = randomKey(seed, 'generator', number);
  const between = ([from, to]: readonly [number, number], counter: number) =>
    from + (to - from) * uniformAt(key, STAGES, counter);
  const bend = between(strength.bend, 0);
  const kernels = Array.from({ length: STAGES }, (_, stage) =>
    randomKernel(key, stage, bend, strength.mixing),
  );
  return { kernels, detail: between(strength.detail, 1) };
}

/** `[4, 4, 3, 3]`; the weights into each output channel sum to 4, one for each phase on average. */
function randomKernel(key: number, stage: number, bend: number, mixing: number): Float32Array {
  const kernel = new Float32Array(4 * 4 * 3 * 3);
  let counter = 0;
  const normal = () => normalAt(key, stage, counter++);
  for (let cout = 0; cout < 3; cout++) {
    const bends = Array.from({ length: 16 }, () => 1 + bend * normal());
    const plane = bends.map((b, i) => b * SMOOTH[i >> 2] * SMOOTH[i & 3]);
    const share = Array.from({ length: 3 }, (_, cin) => (cin === cout ? 1 : 0) + mixing * normal());
    const gain = 4 / (plane.reduce((a, b) => a + b) * share.reduce((a, b) => a + b));
    for (let i = 0; i < 16; i++) {
      for (let cin = 0; cin < 3; cin++) kernel[(i * 3 + cin) * 3 + cout] = plane[i] * share[cin] * gain;
    }
  }
  return kernel;
}

const smoothKernel = smoothIdentity();

/** U for each channel alone. */
function smoothIdentity(): Float32Array {
  const kernel = new Float32Array(4 * 4 * 3 * 3);
  for (let i = 0; i < 16; i++) {
    for (let c = 0; c < 3; c++) kernel[(i * 3 + c) * 3 + c] = SMOOTH[i >> 2] * SMOOTH[i & 3];
  }
  return kernel;
}

/** A picture of float values, `[height, width, 3]`. */
interface Plane {
  width: number;
  height: number;
  values: Float32Array;
}

/**
 * The picture as the generator gives it back, in 8 bits.
 * @throws where a side is not a multiple of 8
 */
export function generate(image: RgbImage, { kernels, detail }: Generator): RgbImage {
  const { width, height, pixels } = image;
  if (width % GENERATOR_STEP !== 0 || height % GENERATOR_STEP !== 0) {
    throw new Error(`generate: ${width} × ${height} is no multiple of ${GENERATOR_STEP}`);
  }
  const levels: Plane[] = [{ width, height, values: Float32Array.from(pixels) }];
  for (let s = 0; s < STAGES; s++) levels.push(average2x2(levels[s]));

  let y = levels[STAGES];
  for (let s = STAGES - 1; s >= 0; s--) {
    const lost = transposedConv(levels[s + 1], smoothKernel);
    y = transposedConv(y, kernels[STAGES - 1 - s]);
    for (let i = 0; i < y.values.length; i++) {
      y.values[i] += detail * (levels[s].values[i] - lost.values[i]);
    }
  }
  const out = newImage(width, height);
  for (let i = 0; i < out.pixels.length; i++) {
    out.pixels[i] = Math.round(Math.max(0, Math.min(255, y.values[i])));
  }
  return out;
}

function average2x2({ width, height, values }: Plane): Plane {
  const out: Plane = { width: width / 2, height: height / 2, values: new Float32Array(values.length / 4) };
  const pitch = width * 3;
  let to = 0;
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      const from = y * 2 * pitch + x * 6;
      for (let c = from; c < from + 3; c++) {
        out.values[to++] = (values[c] + values[c + 3] + values[c + pitch] + values[c + pitch + 3]) / 4;
      }
    }
  }
  return out;
}

/** Transposed convolution, kernel 4, stride 2, padding 1, twice the size; the border repeats outwards. */
function transposedConv({ width, height, values }: Plane, kernel: Float32Array): Plane {
  const out: Plane = { width: width * 2, height: height * 2, values: new Float32Array(values.length * 4) };
  const clamp = (v: number, n: number) => Math.max(0, Math.min(n - 1, v));
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      const to = (y * out.width + x) * 3;
      // Output y takes kernel row ky from input row (y + 1 − ky) / 2, where that is a whole number.
      for (let ky = (y + 1) & 1; ky < 4; ky += 2) {
        const row = clamp((y + 1 - ky) / 2, height) * width;
        for (let kx = (x + 1) & 1; kx < 4; kx += 2) {
          const from = (row + clamp((x + 1 - kx) / 2, width)) * 3;
          const k = (ky * 4 + kx) * 9;
          for (let c = 0; c < 3; c++) {
            out.values[to + c] +=
              values[from] * kernel[k + c] +
              values[from + 1] * kernel[k + 3 + c] +
              values[from + 2] * kernel[k + 6 + c];
          }
        }
      }
    }
  }
  return out;
}
