/**
 * Whose a dispatch is. An op's dispatches come before it says that it was computed (tensor/ops.ts), so those that wait are
 * its own, in the layer that computes just then. A gradient formula says when it begins and ends, and is of the op and the
 * layer of its node's forward pass.
 *
 * Whether a dispatch of a formula serves the gradient of the input or that of a parameter is found from where its results
 * go: from each gradient back through the buffers that dispatches read and wrote. What serves both is `gradients`. A buffer
 * that was given back and taken again in between is another one.
 */

import type { Pass } from '../bench/result.ts';
import type { BufferBinding, DispatchEvent, PooledBuffer } from '../gpu/index.ts';
import type { ModuleListener } from '../nn/index.ts';
import { Module } from '../nn/index.ts';
import type { ComputedOp, Gradient, OpListener, OtherWork } from '../tensor/index.ts';
import type { Dispatched, Place } from './recording.ts';

const NO_OP = '(no op)';

/** A dispatch of a formula, with the buffers that it reads and writes. */
interface Flow {
  dispatched: Dispatched;
  reads: string[];
  writes: string[];
}

interface Entered {
  path: string;
  /** Whether it is a layer, without others in it. */
  leaf: boolean;
}

export class Attribution implements OpListener, ModuleListener {
  /** Dispatches that no op has claimed yet. */
  private waiting: Dispatched[] = [];
  private readonly work: { place: Place; flows: Flow[] }[] = [];
  private readonly modules: Entered[] = [];
  private readonly known = new WeakMap<object, Entered>();
  private roots = 0;
  private readonly nodes = new WeakMap<object, Place>();
  private last: Place | null = null;
  /** How often a buffer was taken from the pool. */
  private readonly taken = new WeakMap<PooledBuffer, number>();

  /** @param onLayer told of the path of a module that begins to compute, and of its end by null */
  constructor(
    model: Module | null,
    private readonly onLayer: (path: string | null) => void,
  ) {
    if (model) this.learn(model, '');
  }

  /** A dispatch was recorded; its place is filled in now or later. */
  add(dispatched: Dispatched, event: DispatchEvent): void {
    const work = this.work.at(-1);
    if (!work) {
      this.waiting.push(dispatched);
      return;
    }
    Object.assign(dispatched, work.place);
    const { program, bindings } = event;
    const flow: Flow = { dispatched, reads: [], writes: [] };
    program.bindingNames.forEach((name, index) => {
      (program.writes[index] ? flow.writes : flow.reads).push(this.keyOf(bindings[name]!));
    });
    work.flows.push(flow);
  }

  allocate(buffer: PooledBuffer): void {
    this.taken.set(buffer, (this.taken.get(buffer) ?? 0) + 1);
  }

  computed({ name }: ComputedOp): void {
    if (this.work.length > 0) return;
    this.last = this.place(name, 'forward');
    this.claim(this.last);
  }

  recorded(node: object): void {
    if (this.last) this.nodes.set(node, this.last);
  }

  began({ name, pass, of }: OtherWork): void {
    this.letGo();
    const forward = of ? this.nodes.get(of) : undefined;
    const outer = this.work.at(-1)?.place;
    const place = outer ?? {
      op: name,
      pass,
      layer: forward?.layer ?? this.layerOf(name),
    };
    this.work.push({ place, flows: [] });
    if (pass === 'gradients') this.onLayer(`${name} of ${place.layer}`);
    else this.onLayer(name);
  }

  ended({ pass }: OtherWork, gradients: readonly Gradient[]): void {
    const { flows } = this.work.pop()!;
    this.onLayer(null);
    const outer = this.work.at(-1);
    if (outer) outer.flows.push(...flows);
    else if (pass === 'gradients' && gradients.length > 0) this.splitByResult(flows, gradients);
  }

  enter(module: object, part: string): void {
    this.letGo();
    let entered = this.known.get(module);
    if (!entered) {
      this.learn(module as Module, this.rootName(module));
      entered = this.known.get(module)!;
    }
    const { path } = entered;
    if (part) entered = { path: path ? `${path}.${part}` : part, leaf: false };
    this.modules.push(entered);
    this.onLayer(entered.path);
  }

  leave(): void {
    this.letGo();
    this.modules.pop();
    this.onLayer(null);
  }

  /** What waits belongs to no op. */
  letGo(): void {
    if (this.waiting.length > 0) this.claim(this.place(NO_OP, 'forward'));
  }

  private claim(place: Place): void {
    for (const dispatched of this.waiting) Object.assign(dispatched, place);
    this.waiting = [];
  }

  private place(op: string, pass: Pass): Place {
    return { op, pass, layer: this.layerOf(op) };
  }

  private layerOf(op: string): string {
    const at = this.modules.at(-1);
    const name = op.startsWith('(') ? op : `(${op})`;
    if (!at) return name;
    if (at.leaf) return at.path;
    return at.path ? `${at.path} ${name}` : name;
  }

  /** Paths below a network that nobody named: the first one's are as its parameters', others bear its kind and number. */
  private rootName(module: object): string {
    const { name } = module.constructor;
    const root = this.modules.length === 0 && this.roots++ === 0;
    const alone = module instanceof Module && [...module.namedChildren()].length === 0;
    return root && !alone ? '' : this.roots > 1 ? `${name} ${this.roots}` : name;
  }

  private learn(root: Module, prefix: string): void {
    for (const [path, module] of root.namedModules(prefix)) {
      if (this.known.has(module)) continue;
      this.known.set(module, { path, leaf: [...module.namedChildren()].length === 0 });
    }
  }

  private splitByResult(flows: readonly Flow[], gradients: readonly Gradient[]): void {
    const serving = (ofParameter: boolean): Set<Flow> => {
      const wanted = new Set(
        gradients.flatMap((gradient) =>
          gradient.ofParameter === ofParameter ? [this.keyOf(gradient.tensor.buffer)] : [],
        ),
      );
      const found = new Set<Flow>();
      for (const flow of [...flows].reverse()) {
        if (!flow.writes.some((key) => wanted.has(key))) continue;
        found.add(flow);
        for (const key of flow.reads) wanted.add(key);
      }
      return found;
    };
    const [input, weight] = [serving(false), serving(true)];
    for (const flow of flows) {
      if (input.has(flow) === weight.has(flow)) continue;
      flow.dispatched.pass = input.has(flow) ? 'input gradient' : 'weight gradient';
    }
  }

  private keyOf(binding: BufferBinding): string {
    const buffer = 'buffer' in binding ? binding.buffer : binding;
    return `${buffer.id}.${this.taken.get(buffer) ?? 0}`;
  }
}
