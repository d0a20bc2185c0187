/**
 * What a layer of a network dispatches. The network runs once in evaluation and once in training, and its ops are watched:
 * those of a layer are the ones that read its parameters, those of a part with several layers all from its first to its
 * last one, additions and pools between them included.
 */
import type { Device, DispatchEvent } from '../../gpu/index.ts';
import { buildModel } from '../../models/table.ts';
import type { Model } from '../../nn/index.ts';
import { type ComputedOp, empty, noGrad, type Shape, type Tensor, watchingOps } from '../../tensor/index.ts';
import { didYouMean } from '../../text/suggest.ts';
import { type Dispatches, watched } from './watched.ts';

/** Pictures of a forward pass and of a training step. */
const [PREDICTED, TRAINED] = [1, 8];

/** An op of a network. */
interface Ran {
  /** Whether it reads a parameter of the layer. */
  own: boolean;
  events: DispatchEvent[];
  output: Shape;
  /** By which its gradients are computed. */
  node: Tensor['node'];
}

/**
 * The dispatches of the layer at `path` of `network`, the whole of it where that is empty.
 * @throws RangeError where there is no such layer
 */
export function layerDispatches(device: Device, network: string, path: string): Dispatches[] {
  const model = buildModel(network, { device, initialise: false });
  const own = tensorsAt(model, network, path);
  model.eval();
  const evaluated = noGrad(() => opsOf(device, model, PREDICTED, own));
  model.train();
  const trained = opsOf(device, model, TRAINED, own);
  const backwards = trained
    .toReversed()
    .flatMap(({ node, output }) =>
      node ? watched(device, () => noGrad(() => node.run(empty(device, output)))) : [],
    );
  return [
    { pass: 'forward', events: evaluated.flatMap(({ events }) => events) },
    { pass: 'forward in training', events: trained.flatMap(({ events }) => events) },
    { pass: 'gradients', events: backwards },
  ];
}

/** The parameters and statistics of a layer. @throws RangeError where there is none */
function tensorsAt(model: Model, network: string, path: string): Set<unknown> {
  const all = [...model.tensors()];
  const below = all.filter(({ name }) => path === '' || name.startsWith(`${path}.`));
  // A stage may be called as no module is.
  const own = below.length > 0 ? below : all.filter(({ name }) => model.findStage(name) === path);
  if (own.length > 0) return new Set(own.map(({ tensor }) => tensor));
  throw new RangeError(`${network} has no layer '${path}' with parameters; ${partsOf(all, path)}`);
}

/** Which layer may have been meant by `path`, or those that are there. */
function partsOf(all: readonly { name: string }[], path: string): string {
  const known = new Set(all.flatMap(({ name }) => prefixesOf(name)));
  const meant = didYouMean(path, [...known]);
  if (meant) return meant;
  const above = prefixesOf(path).findLast((prefix) => known.has(prefix)) ?? '';
  const depth = above === '' ? 1 : above.split('.').length + 1;
  const parts = [...known].filter(
    (name) => name.split('.').length === depth && (above === '' || name.startsWith(`${above}.`)),
  );
  const of = above === '' ? 'its parts' : `the parts of ${above}`;
  return parts.length > 0 ? `${of} are ${parts.join(', ')}` : `${above} has no parts`;
}

/** `a.b.weight` → `a`, `a.b`. */
const prefixesOf = (name: string): string[] =>
  name
    .split('.')
    .slice(0, -1)
    .map((_, index, parts) => parts.slice(0, index + 1).join('.'));

/** The ops of a forward pass that belong to what owns the tensors `own`. */
function opsOf(device: Device, model: Model, batch: number, own: Set<unknown>): Ran[] {
  const { inputSize: size } = model;
  const ops: Ran[] = [];
  let events: DispatchEvent[] = [];
  let output: Tensor | null = null;
  /** The node of an op is there when the next one is told of. */
  const settle = (): void => {
    const last = ops.at(-1);
    if (last && output) last.node = output.node;
  };
  const stop = device.observe({ dispatch: (event) => void events.push(event) });
  try {
    watchingOps(
      (op) => {
        settle();
        ops.push({ own: reads(op, own), events, output: op.output.shape, node: null });
        events = [];
        output = op.output;
      },
      () => {
        model.forward(empty(device, [batch, size, size, 3]));
        settle();
      },
    );
  } finally {
    stop();
  }
  const first = ops.findIndex((op) => op.own);
  const last = ops.findLastIndex((op) => op.own);
  return first < 0 ? [] : ops.slice(first, last + 1);
}

/** Whether an op reads one of these tensors, as an input or as a part of what it was told (a norm that it applies). */
function reads({ inputs, attributes }: ComputedOp, own: Set<unknown>): boolean {
  const told = Object.values(attributes).flatMap((value) =>
    value && typeof value === 'object' ? Object.values(value) : [],
  );
  return [...inputs, ...told].some((value) => own.has(value));
}
