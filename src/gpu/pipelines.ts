/**
 * From programs to what a dispatch needs: pipelines, made at a program's first use; bind groups, made once for each set
 * of buffers; parameters, as immediates, or through small uniform buffers where the device has none.
 *
 * A bind group costs as much as a dispatch (27 µs in Dawn). The pool hands out the same buffers step after step, so
 * that after the second step every one is found here.
 */
import type { PooledBuffer } from './pool.ts';
import { assemble, type Program, packParams, writes } from './program.ts';

/** What one dispatch binds: a whole buffer, or a slice of it (offset a multiple of 256). */
export type BufferBinding = PooledBuffer | { buffer: PooledBuffer; offset: number; size: number };

type Bindings = Readonly<Record<string, BufferBinding>>;

interface Compiled {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  /** Bind groups by the ids of the buffers they hold. */
  groups: Map<string, GPUBindGroup>;
}

/** A program with its buffers and parameters, ready to be dispatched. */
export interface Prepared {
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  immediates: Uint8Array<ArrayBuffer> | null;
}

const STORAGE = { read: 'read-only-storage', write: 'storage' } as const;
const COMPUTE = 0x4; // GPUShaderStage
const UNIFORM = 0x40 | 0x08; // GPUBufferUsage: UNIFORM | COPY_DST

export class Pipelines {
  private readonly compiled = new Map<Program, Compiled>();
  private readonly uniforms = new Map<string, GPUBuffer>();
  private readonly packed = new DataView(new ArrayBuffer(64));

  constructor(
    private readonly gpu: GPUDevice,
    private readonly immediates: boolean,
  ) {}

  /** Everything for one dispatch. The immediates are valid until the next call. */
  prepared(source: Program, bindings: Bindings, params: Readonly<Record<string, number>>): Prepared {
    const compiled = this.compile(source);
    const bytes = packParams(source, params, this.packed);
    const uniform = !this.immediates && bytes > 0 ? this.uniform(bytes) : null;
    let key = uniform ? `${uniform.label}` : '';
    for (const name of source.bindingNames) {
      const binding = bindings[name]!;
      key +=
        'buffer' in binding ? `,${binding.buffer.id}:${binding.offset}:${binding.size}` : `,${binding.id}`;
    }
    let bindGroup = compiled.groups.get(key);
    if (!bindGroup) {
      bindGroup = this.bind(source, compiled.layout, bindings, uniform);
      compiled.groups.set(key, bindGroup);
    }
    const given = this.immediates && bytes > 0 ? new Uint8Array(this.packed.buffer, 0, bytes) : null;
    return { pipeline: compiled.pipeline, bindGroup, immediates: given };
  }

  /** Creates the pipelines of `programs` side by side. */
  async create(programs: Iterable<Program>): Promise<void> {
    const missing = [...new Set(programs)].filter((source) => !this.compiled.has(source));
    await Promise.all(
      missing.map(async (source) => {
        const { descriptor, layout } = this.describe(source);
        const pipeline = await this.gpu.createComputePipelineAsync(descriptor);
        if (!this.compiled.has(source)) this.compiled.set(source, { pipeline, layout, groups: new Map() });
      }),
    );
  }

  /** Lets go of all bind groups, and with them of the buffers that they hold. */
  forgetBindGroups(): void {
    for (const { groups } of this.compiled.values()) groups.clear();
  }

  private compile(source: Program): Compiled {
    let compiled = this.compiled.get(source);
    if (!compiled) {
      const { descriptor, layout } = this.describe(source);
      compiled = { pipeline: this.gpu.createComputePipeline(descriptor), layout, groups: new Map() };
      this.compiled.set(source, compiled);
    }
    return compiled;
  }

  private describe(source: Program): {
    descriptor: GPUComputePipelineDescriptor;
    layout: GPUBindGroupLayout;
  } {
    const entries: GPUBindGroupLayoutEntry[] = source.bindingNames.map((name, binding) => ({
      binding,
      visibility: COMPUTE,
      buffer: { type: STORAGE[writes(source, name) ? 'write' : 'read'] },
    }));
    const hasParams = source.paramNames.length > 0;
    if (hasParams && !this.immediates)
      entries.push({ binding: entries.length, visibility: COMPUTE, buffer: { type: 'uniform' } });
    const layout = this.gpu.createBindGroupLayout({ label: source.name, entries });
    const module = this.gpu.createShaderModule({
      label: source.name,
      code: assemble(source, this.immediates),
    });
    const pipelineLayout = this.gpu.createPipelineLayout({
      bindGroupLayouts: [layout],
      ...(hasParams && this.immediates ? { immediateSize: 4 * source.paramNames.length } : {}),
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
    uniform: GPUBuffer | null,
  ): GPUBindGroup {
    const most = this.gpu.limits.maxStorageBufferBindingSize;
    const entries: GPUBindGroupEntry[] = source.bindingNames.map((name, binding) => {
      const bound = bindings[name]!;
      if (bound.size > most)
        throw new RangeError(
          `${source.name}: ${name} takes ${bound.size} bytes, but this adapter binds at most ${most} at once; use a smaller batch or input`,
        );
      return {
        binding,
        resource:
          'buffer' in bound
            ? { buffer: bound.buffer.gpu, offset: bound.offset, size: bound.size }
            : { buffer: bound.gpu },
      };
    });
    if (uniform) entries.push({ binding: entries.length, resource: { buffer: uniform } });
    return this.gpu.createBindGroup({ label: source.name, layout, entries });
  }

  /** The uniform buffer with the bytes in `packed`: one buffer per content, kept for the life of the device. */
  private uniform(bytes: number): GPUBuffer {
    const words = new Uint32Array(this.packed.buffer, 0, bytes / 4);
    const key = words.join();
    let buffer = this.uniforms.get(key);
    if (!buffer) {
      buffer = this.gpu.createBuffer({ label: key, size: Math.ceil(bytes / 16) * 16, usage: UNIFORM });
      this.gpu.queue.writeBuffer(buffer, 0, words);
      this.uniforms.set(key, buffer);
    }
    return buffer;
  }
}
