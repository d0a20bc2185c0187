/**
 * The shaders that an op or a layer runs, as they are generated for an adapter: `bench --wgsl OP`. What a device dispatches
 * is watched on one that computes nothing (src/gpu/dry.ts), so that this needs no adapter and no list of kernels.
 *
 *   conv2d                    an op: what it dispatches for an example (wgsl/examples.ts), and for its gradients
 *   adamW                     an optimiser: its update
 *   resnet18                  a network
 *   resnet18/layer1.0.conv1   a layer of it, or a part with several: in evaluation, in training, and its gradients
 */
import { adapterName } from '../gpu/adapter-name.ts';
import { type DeviceLike, dryDevice } from '../gpu/dry.ts';
import type { Device, DispatchEvent, Program } from '../gpu/index.ts';
import { assemble } from '../gpu/program.ts';
import { modelNames } from '../models/table.ts';
import { empty, noGrad, scope, type Tensor } from '../tensor/index.ts';
import { didYouMean, unknownName } from '../text/suggest.ts';
import { EXAMPLES, type Example, UPDATED, UPDATES } from './wgsl/examples.ts';
import { layerDispatches } from './wgsl/layer.ts';
import { type Dispatches, watched } from './wgsl/watched.ts';

/** One generated shader. */
export interface Shader {
  program: Program;
  /** The whole of it. */
  wgsl: string;
  /** How it is dispatched. */
  uses: readonly { pass: string; event: DispatchEvent }[];
}

export interface ShaderOptions {
  /** The row of the tables of kernels to prefer, in place of the fastest. */
  variant?: string;
}

/** The names of ops, optimisers included. */
export const shaderNames = (): string[] => [...Object.keys(EXAMPLES), ...Object.keys(UPDATES)];

/**
 * The shaders of `what` on a device that decides as `like`, in the order in which they first run.
 * @throws RangeError where there is no such op, network or layer, with what may have been meant
 */
export async function shadersOf(
  like: DeviceLike,
  what: string,
  { variant }: ShaderOptions = {},
): Promise<Shader[]> {
  const { device } = await dryDevice(like);
  if (variant !== undefined) device.choices = { get: () => variant };
  const shaders = new Map<Program, { pass: string; event: DispatchEvent }[]>();
  for (const { pass, events } of dispatchesOf(device, what))
    for (const event of events) {
      const uses = shaders.get(event.program) ?? [];
      uses.push({ pass, event });
      shaders.set(event.program, uses);
    }
  const { immediates } = device.traits;
  device.close();
  return [...shaders].map(([program, uses]) => ({ program, wgsl: assemble(program, immediates), uses }));
}

/**
 * The same as a text: each shader whole, below comments that say how it is dispatched.
 * @throws RangeError as `shadersOf`
 */
export async function wgslOf(like: DeviceLike, what: string, options: ShaderOptions = {}): Promise<string> {
  const shaders = await shadersOf(like, what, options);
  const { lanes, immediates } = like.traits;
  const abilities = [
    lanes > 0 ? `subgroups of ${lanes}` : 'no subgroups',
    immediates ? 'immediates' : 'uniforms',
  ];
  const head = `// ${what}, as generated for ${adapterName(like.info)} (${abilities.join(', ')})`;
  if (shaders.length === 0)
    return `${head}\n// It dispatches nothing: it is another view of the same memory.\n`;
  return `${[head, ...shaders.map(textOf)].join('\n\n')}\n`;
}

/** Different ways of dispatching a shader that are written out. */
const MOST_USES = 8;

function textOf({ program, wgsl, uses }: Shader): string {
  const ways = new Map<string, number>();
  for (const { pass, event } of uses) {
    const given = program.paramNames.map((name) => `${name} ${event.params[name] ?? 0}`);
    const way = `${pass}: ${event.groups.join(' × ')} workgroups${given.length > 0 ? `; ${given.join(', ')}` : ''}`;
    ways.set(way, (ways.get(way) ?? 0) + 1);
  }
  const lines = [...ways].map(([way, times]) => `//   ${way}${times > 1 ? ` (${times} times)` : ''}`);
  const more = lines.length - MOST_USES;
  if (more > 0) lines.splice(MOST_USES, more, `//   and in ${more} other ways`);
  return [`// ── ${program.name}`, ...lines, wgsl.trimEnd()].join('\n');
}

function dispatchesOf(device: Device, what: string): Dispatches[] {
  const [name, ...path] = what.split('/');
  const layer = path.join('/');
  if (modelNames().includes(name!)) return layerDispatches(device, name!, layer);
  const op = shaderNames().find((known) => known.toLowerCase() === what.toLowerCase());
  const example = EXAMPLES[op ?? ''];
  if (example) return exampleDispatches(device, example);
  const update = UPDATES[op ?? ''];
  if (update) return updateDispatches(device, update);
  if (layer !== '') throw new RangeError(unknownName('model', name!, modelNames()));
  const meant = didYouMean(what, [...shaderNames(), ...modelNames()]);
  const known = `the ops are ${shaderNames().join(', ')}; a network or a layer of it is written like resnet18/layer1.0.conv1`;
  throw new RangeError(`there is no op '${what}'; ${meant ?? known}`);
}

function exampleDispatches(device: Device, { inputs, fixed = [], run }: Example): Dispatches[] {
  const leaves = inputs.map((shape) => empty(device, shape, { requiresGrad: true }));
  const rest = fixed.map((shape) => empty(device, shape));
  return scope(() => {
    let y: Tensor | null = null;
    const forward = watched(device, () => {
      y = run(...leaves, ...rest);
    });
    const { shape, node } = y!;
    const dy = empty(device, shape);
    const gradients = watched(device, () => noGrad(() => node?.run(dy)));
    return [
      { pass: 'forward', events: forward },
      { pass: 'gradients', events: gradients },
    ];
  });
}

function updateDispatches(device: Device, make: (typeof UPDATES)[string]): Dispatches[] {
  const parameters = UPDATED.map((shape) => {
    const parameter = empty(device, shape, { kind: 'parameter', owned: true, requiresGrad: true });
    parameter.grad = empty(device, shape, { kind: 'gradient', owned: true });
    return parameter;
  });
  const optimizer = make(parameters);
  return [{ pass: 'update', events: watched(device, () => optimizer.step()) }];
}
