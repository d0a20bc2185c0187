/**
 * One optimiser step over many parameters in few dispatches.
 *
 * A dispatch binds several parameters with their gradients (as many as the adapter's limits allow). Its workgroups
 * are told by a table, written once, which piece of which parameter is theirs:
 *
 *   blocks[workgroup] = (slot | parameter << 4, first, end, state)       the last three counted in vec4
 *
 *   slot 0: p0 ▓▓▓▓▓▓▓▓│▓▓▓     slot 1: p1 ▓▓▓       each │ … │ is a block of one parameter, for one workgroup
 *
 * The optimiser's state (momentum, moments) lies back to back in a few large buffers, the pages; a parameter larger
 * than a binding is cut into pieces. What differs from step to step comes from two small buffers: `rates` (learning
 * rate and decay of each group, written once a step) and `control` (what a parameter needs of them), which a tiny
 * first dispatch computes. That dispatch also counts the steps of each parameter, and looks at the loss: where it is
 * not finite nothing is counted and nothing updated. A parameter with a mask (mask.ts) has dispatches of its own.
 *
 * Limited by memory: 12 bytes an element, and 8 more for each state array.
 */
import {
  type BufferBinding,
  type Device,
  foldGroups,
  Generations,
  type PooledBuffer,
  slices,
} from '../gpu/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { maskOf } from './mask.ts';
import { blockOf, maskedProgram, prepareProgram, type UpdateRule, updateProgram } from './update-programs.ts';

/** Bindings of the update program beside parameters, gradients and state: blocks and control. */
const FIXED_BINDINGS = 2;
/**
 * Plans of a generation. Which parameters have a gradient changes a few times in a run (phases, frozen stages), or with
 * every step where a network draws its layers: those plans fall out again.
 */
const PLANS = 4;

/** A part of a parameter that a binding can hold, and the place of its state. */
interface Piece {
  parameter: number;
  /** Its first element in the parameter, and their number. */
  start: number;
  count: number;
  slice: (buffer: PooledBuffer) => BufferBinding;
  page: Page | null;
  /** Where its state begins in the page, in elements. */
  offset: number;
}

/** Buffers of equal length, one for each state array. */
interface Page {
  arrays: PooledBuffer[];
  /** Bytes of each that bindings show. */
  bytes: number;
}

/** One update dispatch: its pieces and the table of its workgroups. */
interface Batch {
  pieces: Piece[];
  /** Whether it is one piece of a parameter with a mask. */
  masked: boolean;
  blocks: PooledBuffer;
  count: number;
}

/** The dispatches for one set of parameters. */
interface Plan {
  members: PooledBuffer;
  memberCount: number;
  batches: Batch[];
}

export class MultiTensorUpdate {
  private readonly device: Device;
  private readonly slots: number;
  private readonly pageSize: number;
  private readonly pieces: Piece[][];
  private pages: Page[] = [];
  private readonly steps: PooledBuffer;
  private readonly control: PooledBuffer;
  private readonly rates: PooledBuffer;
  /** What slots without a parameter bind: one to read, the others to write (which must differ). */
  private readonly idle: PooledBuffer[];
  private ratesWritten = '';
  private readonly plans: Generations<Plan>;
  private disposed = false;

  /**
   * @param parameters all that may ever be updated
   * @param groupOf the group of each, whose rates it follows
   */
  constructor(
    private readonly rule: UpdateRule,
    private readonly parameters: readonly Tensor[],
    private readonly groupOf: readonly number[],
  ) {
    this.device = parameters[0].device;
    this.plans = new Generations(PLANS, (plan) => releasePlan(plan, this.device));
    const { maxStorageBuffersPerShaderStage: most, maxStorageBufferBindingSize: bytes } = this.device.limits;
    const fit = Math.floor((most - FIXED_BINDINGS - rule.state.length) / 2);
    this.slots = Math.min(this.device.traits.optimizerSlots, fit);
    // Whole MiB, as the pool's large buffers are.
    this.pageSize = Math.floor(Math.min(bytes, 2 ** 30) / 2 ** 20) * 2 ** 18;
    this.pieces = parameters.map((tensor, parameter) =>
      slices(this.device, tensor.size).map(({ start, count, slice }) => ({
        parameter,
        start,
        count,
        slice,
        page: null,
        offset: 0,
      })),
    );
    const groups = 1 + groupOf.reduce((last, group) => Math.max(last, group), 0);
    this.steps = this.device.take(4 * parameters.length, 'optimizer');
    this.control = this.device.take(16 * parameters.length, 'optimizer');
    this.rates = this.device.take(16 * groups, 'optimizer');
    this.idle = Array.from({ length: this.slots }, () => this.device.take(256, 'optimizer'));
    this.device.commands.write(this.steps, new Uint32Array(parameters.length));
  }

  /** Updates the parameters that have a gradient. `rates`: four numbers for each group; `loss`: skip if not finite. */
  run(rates: Float32Array<ArrayBuffer>, loss?: Tensor): void {
    this.dropFreed();
    const active = this.parameters.flatMap(({ grad, freed }, index) => (grad && !freed ? [index] : []));
    if (active.length === 0) return;
    const { device, rule, control } = this;
    const plan = this.planFor(active);
    if (this.ratesWritten !== rates.join()) device.commands.write(this.rates, rates);
    this.ratesWritten = rates.join();

    const finite = device.constant('optimizer:finite', () => new Float32Array(4));
    device.run(prepareProgram(rule), {
      bindings: {
        members: plan.members,
        rates: this.rates,
        loss: loss?.buffer ?? finite,
        steps: this.steps,
        control,
      },
      params: { count: plan.memberCount, ...rule.constants },
    });
    for (const batch of plan.batches)
      if (batch.masked) this.updateMasked(batch);
      else this.update(batch);
  }

  /** The names of the state arrays. */
  get stateNames(): readonly string[] {
    return this.rule.state;
  }

  /** Copies a state array of a parameter out of the pages into `target`. False before the first update. */
  readState(parameter: number, array: number, target: PooledBuffer): boolean {
    return this.copyState(parameter, array, (page, pageOffset, offset, bytes) =>
      this.device.commands.copy(page, pageOffset, target, offset, bytes),
    );
  }

  /** Copies `source` into a state array of a parameter that has state (see `allocate`). */
  writeState(parameter: number, array: number, source: PooledBuffer): void {
    this.copyState(parameter, array, (page, pageOffset, offset, bytes) =>
      this.device.commands.copy(source, offset, page, pageOffset, bytes),
    );
  }

  /** How often each parameter was updated. */
  async readSteps(): Promise<Uint32Array> {
    return new Uint32Array(await this.device.read(this.steps, 4 * this.parameters.length));
  }

  writeSteps(steps: Uint32Array<ArrayBuffer>): void {
    this.device.commands.write(this.steps, steps);
  }

  /** Frees the state. Freeing twice is harmless. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    const { pool } = this.device;
    this.plans.clear();
    for (const page of this.pages) for (const buffer of page.arrays) pool.release(buffer);
    for (const buffer of [this.steps, this.control, this.rates, ...this.idle]) pool.release(buffer);
    this.pages.length = 0;
  }

  private update({ pieces, blocks, count }: Batch): void {
    const { rule, parameters } = this;
    const bindings = this.bindingsOf(pieces[0], blocks);
    for (let slot = 0; slot < this.slots; slot++) {
      const piece = pieces[slot];
      const tensor = piece && parameters[piece.parameter];
      bindings[`x${slot}`] = tensor ? piece.slice(tensor.buffer) : this.idle[slot];
      bindings[`g${slot}`] = tensor ? piece.slice(tensor.grad!.buffer) : this.idle[0];
    }
    const elements = pieces.reduce((sum, { count }) => sum + count, 0);
    this.device.run(updateProgram(rule)({ slots: this.slots }), {
      bindings,
      params: { count, ...rule.constants },
      groups: foldGroups(count),
      ...this.costOf(elements),
    });
  }

  private updateMasked({ pieces: [piece], blocks, count }: Batch): void {
    const { rule } = this;
    const parameter = this.parameters[piece.parameter];
    const mask = maskOf(parameter)!;
    const whole = mask.size === parameter.size;
    this.device.run(maskedProgram(rule), {
      bindings: {
        ...this.bindingsOf(piece, blocks),
        x: piece.slice(parameter.buffer),
        g: piece.slice(parameter.grad!.buffer),
        mask: whole ? piece.slice(mask.buffer) : mask.buffer,
      },
      params: {
        count,
        first: whole ? 0 : piece.start % mask.size,
        period: whole ? piece.count : mask.size,
        ...rule.constants,
      },
      groups: foldGroups(count),
      ...this.costOf(piece.count),
    });
  }

  /** What every update binds: the table of its workgroups, what parameters need, and the page of the state. */
  private bindingsOf({ page }: Piece, blocks: PooledBuffer): Record<string, BufferBinding> {
    const bindings: Record<string, BufferBinding> = { blocks, control: this.control };
    this.rule.state.forEach((name, array) => {
      bindings[name] = { buffer: page!.arrays[array], offset: 0, size: page!.bytes };
    });
    return bindings;
  }

  private costOf(elements: number): { flops: number; bytes: number } {
    const states = this.rule.state.length;
    return { flops: 4 * elements * (1 + states), bytes: elements * (12 + 8 * states) };
  }

  /** The plan for a set of parameters and of masked ones among them, made where they were not seen lately. */
  private planFor(active: readonly number[]): Plan {
    const masked = active.filter((index) => maskOf(this.parameters[index]));
    const key = masked.length > 0 ? `${active} masked ${masked}` : active.join();
    let plan = this.plans.get(key);
    if (!plan) {
      const isMasked = ({ parameter }: Piece): boolean => masked.includes(parameter);
      this.allocate(active);
      const pieces = active.flatMap((parameter) => this.pieces[parameter]);
      const batches = pieces.filter(isMasked).map((piece) => this.batch([piece], true));
      for (let rest = pieces.filter((piece) => !isMasked(piece)); rest.length > 0; ) {
        const page = rest[0].page;
        const end = rest.findIndex((piece, index) => index === this.slots || piece.page !== page);
        const length = end < 0 ? rest.length : end;
        batches.push(this.batch(rest.slice(0, length), false));
        rest = rest.slice(length);
      }
      const members = this.table(active.flatMap((parameter) => [parameter, this.groupOf[parameter]]));
      plan = { members, memberCount: active.length, batches };
      this.plans.set(key, plan);
    }
    return plan;
  }

  private batch(pieces: Piece[], masked: boolean): Batch {
    const blocks: number[] = [];
    const block = blockOf(this.device.traits);
    pieces.forEach(({ parameter, count, offset }, slot) => {
      const vectors = Math.ceil(count / 4);
      for (let first = 0; first < vectors; first += block)
        blocks.push(slot | (parameter << 4), first, Math.min(first + block, vectors), offset / 4);
    });
    return { pieces, masked, blocks: this.table(blocks), count: blocks.length / 4 };
  }

  private table(words: number[]): PooledBuffer {
    const buffer = this.device.take(4 * words.length, 'optimizer');
    this.device.commands.write(buffer, new Uint32Array(words));
    return buffer;
  }

  /** Gives state to the parameters that have none yet. */
  allocate(parameters: readonly number[]): void {
    if (this.rule.state.length === 0) return;
    this.place(parameters.flatMap((parameter) => this.pieces[parameter]).filter(({ page }) => !page));
  }

  /** Gives pieces their places on new pages, filled one after the other. */
  private place(pieces: readonly Piece[]): void {
    let page: Page = { arrays: [], bytes: 0 };
    const filled: Page[] = [];
    for (const piece of pieces) {
      const size = 4 * Math.ceil(piece.count / 4);
      if (filled.length === 0 || page.bytes / 4 + size > this.pageSize) {
        page = { arrays: [], bytes: 0 };
        filled.push(page);
      }
      piece.page = page;
      piece.offset = page.bytes / 4;
      page.bytes += 4 * size;
    }
    for (const { arrays, bytes } of filled)
      for (const _ of this.rule.state) arrays.push(this.device.take(bytes, 'optimizer'));
    this.pages.push(...filled);
  }

  /** Lets go of the state of parameters that were freed. What shares a page with them moves to a new one. */
  private dropFreed(): void {
    if (!this.parameters.some(({ freed }) => freed)) return;
    const freed = this.pieces
      .flat()
      .filter(({ parameter, page }) => page && this.parameters[parameter].freed);
    if (freed.length === 0) return;
    const left = new Set(freed.map(({ page }) => page!));
    for (const piece of freed) piece.page = null;
    const kept = this.pieces.flat().filter(({ page }) => page && left.has(page));
    const before = kept.map(({ page, offset }) => ({ arrays: page!.arrays, offset }));
    this.place(kept);
    const { commands, pool } = this.device;
    kept.forEach(({ page, offset, count }, index) => {
      const from = before[index];
      page!.arrays.forEach((target, array) => {
        commands.copy(from.arrays[array], 4 * from.offset, target, 4 * offset, 4 * count);
      });
    });
    for (const { arrays } of left) for (const buffer of arrays) pool.release(buffer);
    this.pages = this.pages.filter((page) => !left.has(page));
    this.plans.clear(); // they name the places that there were
  }

  /** Calls `copy` with the place of each piece of a parameter's state; false where it has none. */
  private copyState(
    parameter: number,
    array: number,
    copy: (page: PooledBuffer, pageOffset: number, offset: number, bytes: number) => void,
  ): boolean {
    let offset = 0;
    for (const { page, offset: pageOffset, count } of this.pieces[parameter]) {
      if (!page) return false;
      copy(page.arrays[array], 4 * pageOffset, offset, 4 * count);
      offset += 4 * count;
    }
    return true;
  }
}

function releasePlan({ members, batches }: Plan, device: Device): void {
  device.pool.release(members);
  for (const { blocks } of batches) device.pool.release(blocks);
}
