/**
 * From programs to what a dispatch needs: pipelines, made at a program's first use; bind groups, made once for each set
 * of buffers; parameters, as immediates, or through small uniform buffers where the device has none.
 *
 * A bind group costs as much as a dispatch (27 µs in Dawn). The pool hands out the same buffers step after step, so
 * that after the second step every one is found here. Those that are asked for no more fall out: WebGPU has no call to
 * free a bind group, it goes when JavaScript's collector finds it, and on lavapipe each is a mapping of memory, of which
 * a process may have 65,530. Hence the count of those that are not collected yet; `Device.pace` acts on it.
 */
import type { BufferBinding } from './buffer.ts';
import { DeviceError, TooLarge } from './errors.ts';
import { Generations } from './generations.ts';
import type { Observers } from './observers.ts';
import { assemble, type Program, packParams } from './program.ts';
import type { Traits } from './traits.ts';
import type { Patience } from './turn.ts';

type Bindings = Readonly<Record<string, BufferBinding>>;

interface Compiled {
  /** Tells the keys of one program's bind groups from another's. */
  id: number;
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  /** Whether it was asked for by a dispatch. */
  used: boolean;
}

/** A small buffer with the parameters of dispatches. Keys of bind groups name it by its number, never used again. */
interface Uniform {
  id: number;
  gpu: GPUBuffer;
}

/** A program with its buffers and parameters, ready to be dispatched. */
export interface Prepared {
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  immediates: Uint8Array<ArrayBuffer> | null;
  /** Whether the program runs for the first time. */
  first: boolean;
}

const STORAGE = { read: 'read-only-storage', write: 'storage' } as const;
const COMPUTE = 0x4; // GPUShaderStage
const UNIFORM = 0x40 | 0x08; // GPUBufferUsage: UNIFORM | COPY_DST
/** Bind groups and uniform buffers of a generation: more than any network's step has. */
const GENERATION = 4096;

export class Pipelines {
  private readonly compiled = new Map<Program, Compiled>();
  private readonly groups = new Generations<GPUBindGroup>(GENERATION);
  private readonly uniforms: Generations<Uniform>;
  private readonly packed = new DataView(new ArrayBuffer(64));
  private nextUniform = 0;
  /** Bytes of the uniform buffers that are kept. */
  uniformBytes = 0;
  /** Bind groups that were made and not collected yet, those in use among them. */
  private alive = 0;
  private readonly collected = new FinalizationRegistry(() => this.alive--);

  /** @param destroy destroys buffers in order with what is recorded */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly traits: Pick<Traits, 'immediates' | 'mostBindGroups'>,
    private readonly patience: Patience,
    private readonly observers: Observers,
    destroy: (buffers: readonly GPUBuffer[]) => void,
  ) {
    this.uniforms = new Generations(GENERATION, ({ gpu }) => {
      this.uniformBytes -= gpu.size;
      destroy([gpu]);
    });
  }

  /** Bind groups that nobody can ask for any more and that are not collected. */
  get uncollected(): number {
    return this.alive - this.groups.held;
  }

  /** Everything for one dispatch. The immediates are valid until the next call. */
  prepared(source: Program, bindings: Bindings, params: Readonly<Record<string, number>>): Prepared {
    const compiled = this.compile(source);
    const bytes = packParams(source, params, this.packed);
    const { immediates } = this.traits;
    const uniform = !immediates && bytes > 0 ? this.uniform(bytes) : null;
    let key = uniform ? `${compiled.id}/${uniform.id}` : `${compiled.id}`;
    for (const name of source.bindingNames) {
      const binding = bindings[name]!;
      key +=
        'buffer' in binding ? `,${binding.buffer.id}:${binding.offset}:${binding.size}` : `,${binding.id}`;
    }
    let bindGroup = this.groups.get(key);
    if (!bindGroup) {
      bindGroup = this.bind(source, compiled.layout, bindings, uniform);
      this.groups.set(key, bindGroup);
    }
    const given = immediates && bytes > 0 ? new Uint8Array(this.packed.buffer, 0, bytes) : null;
    const first = !compiled.used;
    compiled.used = true;
    return { pipeline: compiled.pipeline, bindGroup, immediates: given, first };
  }

  /** Creates the pipelines of `programs` side by side. */
  async create(programs: Iterable<Program>): Promise<void> {
    const missing = [...new Set(programs)].filter((source) => !this.compiled.has(source));
    await Promise.all(
      missing.map(async (source) => {
        const { descriptor, layout } = this.describe(source);
        const making = this.patience(this.gpu.createComputePipelineAsync(descriptor));
        const pipeline = await this.observers.waited('pipeline', making, source.name);
        if (!this.compiled.has(source)) this.add(source, pipeline, layout);
      }),
    );
  }

  /** Lets go of all bind groups, and with them of the buffers that they hold; destroys the uniform buffers. */
  trim(): void {
    this.groups.clear();
    this.uniforms.clear();
  }

  private compile(source: Program): Compiled {
    const compiled = this.compiled.get(source);
    if (compiled) return compiled;
    return this.observers.spent('pipeline', source.name, () => {
      const { descriptor, layout } = this.describe(source);
      return this.add(source, this.gpu.createComputePipeline(descriptor), layout);
    });
  }

  private add(source: Program, pipeline: GPUComputePipeline, layout: GPUBindGroupLayout): Compiled {
    this.observers.make('pipeline');
    const compiled = { id: this.compiled.size, pipeline, layout, used: false };
    this.compiled.set(source, compiled);
    return compiled;
  }

  private describe(source: Program): {
    descriptor: GPUComputePipelineDescriptor;
    layout: GPUBindGroupLayout;
  } {
    const entries: GPUBindGroupLayoutEntry[] = source.bindingNames.map((_, binding) => ({
      binding,
      visibility: COMPUTE,
      buffer: { type: STORAGE[source.writes[binding] ? 'write' : 'read'] },
    }));
    const hasParams = source.paramNames.length > 0;
    if (hasParams && !this.traits.immediates)
      entries.push({ binding: entries.length, visibility: COMPUTE, buffer: { type: 'uniform' } });
    const layout = this.gpu.createBindGroupLayout({ label: source.name, entries });
    const module = this.gpu.createShaderModule({
      label: source.name,
      code: assemble(source, this.traits.immediates),
    });
    const pipelineLayout = this.gpu.createPipelineLayout({
      bindGroupLayouts: [layout],
      ...(hasParams && this.traits.immediates ? { immediateSize: 4 * source.paramNames.length } : {}),
    });
    return {
      layout,
      descriptor: { label: source.name, layout: pipelineLayout, compute: { module, entryPoint: 'main' } },
    };
  }

  private bind(
    source: Program,
    layout: GPUBindGroupLayout,
    bindings: Bindings,
    uniform: Uniform | null,
  ): GPUBindGroup {
    const most = this.gpu.limits.maxStorageBufferBindingSize;
    const entries: GPUBindGroupEntry[] = source.bindingNames.map((name, binding) => {
      const bound = bindings[name]!;
      if (bound.size > most) throw new TooLarge('binding', `${source.name}: ${name}`, bound.size, most);
      return {
        binding,
        resource:
          'buffer' in bound
            ? { buffer: bound.buffer.gpu, offset: bound.offset, size: bound.size }
            : { buffer: bound.gpu },
      };
    });
    if (uniform) entries.push({ binding: entries.length, resource: { buffer: uniform.gpu } });
    if (this.alive >= this.traits.mostBindGroups)
      throw new DeviceError(
        `${source.name}: ${this.alive} bind groups are alive, as many as this adapter's driver can hold; those out of use are freed between tasks, so \`await device.pace()\` once a step`,
      );
    this.observers.make('bind group');
    const bindGroup = this.gpu.createBindGroup({ label: source.name, layout, entries });
    this.alive++;
    this.collected.register(bindGroup, undefined);
    return bindGroup;
  }

  /** The uniform buffer with the bytes in `packed`: one for each content. */
  private uniform(bytes: number): Uniform {
    const words = new Uint32Array(this.packed.buffer, 0, bytes / 4);
    const key = words.join();
    let uniform = this.uniforms.get(key);
    if (!uniform) {
      this.observers.make('uniform');
      const gpu = this.gpu.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage: UNIFORM });
      this.gpu.queue.writeBuffer(gpu, 0, words);
      this.uniformBytes += gpu.size;
      uniform = { id: this.nextUniform++, gpu };
      this.uniforms.set(key, uniform);
    }
    return uniform;
  }
}
