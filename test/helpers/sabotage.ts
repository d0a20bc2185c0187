/** Breaks kernels on purpose, to see whether something notices. */
import type { Device } from '../../src/gpu/index.ts';

/** What a broken kernel writes: one percent too much, or NaN. */
export type Fault = 'percent' | 'NaN';

/** NaN of bits that a variable holds, since WGSL refuses constant ones. */
const NOT_A_NUMBER = 'var<private> notANumber = 0x7fc00000u;';

/**
 * From now on, kernels of `device` whose name matches compute what is wrong wherever they write `output`. Call it
 * before they are compiled.
 */
export function sabotage(
  device: Device,
  name: RegExp,
  output: string,
  fault: Fault = 'percent',
): { broken: string[] } {
  const { gpu } = device;
  const broken: string[] = [];
  const create = gpu.createShaderModule.bind(gpu);
  const statement = new RegExp(`(\\b${output}\\[[^=]*\\] = )([^;]*);`, 'g');
  gpu.createShaderModule = (descriptor) => {
    const { label = '', code } = descriptor;
    if (!name.test(label)) return create(descriptor);
    const factor = fault === 'NaN' ? 'bitcast<f32>(notANumber)' : '1.01';
    const wrong = code.replace(statement, `$1${factor} * ($2);`);
    if (wrong === code) throw new Error(`sabotage: ${label} writes no ${output}`);
    broken.push(label);
    return create({ ...descriptor, code: fault === 'NaN' ? `${wrong}\n${NOT_A_NUMBER}` : wrong });
  };
  return { broken };
}
