/** Breaks kernels on purpose, to see whether something notices. */
import type { Device } from '../../src/gpu/index.ts';

/**
 * From now on, kernels of `device` whose name matches compute one percent too much wherever they write `output`. Call
 * it before they are compiled.
 */
export function sabotage(device: Device, name: RegExp, output: string): { broken: string[] } {
  const { gpu } = device;
  const broken: string[] = [];
  const create = gpu.createShaderModule.bind(gpu);
  const statement = new RegExp(`(\\b${output}\\[[^=]*\\] = )([^;]*);`, 'g');
  gpu.createShaderModule = (descriptor) => {
    const { label = '', code } = descriptor;
    if (!name.test(label)) return create(descriptor);
    const wrong = code.replace(statement, '$11.01 * ($2);');
    if (wrong === code) throw new Error(`sabotage: ${label} writes no ${output}`);
    broken.push(label);
    return create({ ...descriptor, code: wrong });
  };
  return { broken };
}
