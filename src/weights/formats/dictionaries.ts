/**
 * Which of the dictionaries in a torch checkpoint holds the weights.
 *
 * Training scripts save a dictionary of everything: { epoch, arch, state_dict, best_acc1, optimizer, args }, with tensors
 * beside the weights (an accuracy, the state of a random generator) and with more than one set of them (`state_dict_ema`,
 * `model_ema`, a teacher). The rule: a dictionary is asked for how many of its tensors have the names of a layer's
 * (`….weight`, `….bias`, running statistics). Of those below the root that have any, the one under the usual key is taken
 * (`USUAL_KEYS`, as timm and torchvision write them; weights before their moving average), else the one with most; the
 * root itself where it has as many. What else could be meant stays at hand, for a network that it fits better.
 */

import { listNames, shorten, WeightsError } from './error.ts';
import { foreignObject } from './foreign.ts';
import { OpaqueRef, type PickleValue, TensorRef } from './pickle-values.ts';
import { MOST_TENSORS, type OtherWeights, type StateDict, type WeightsFile } from './state.ts';
import type { TensorBuilder } from './torch-tensor.ts';

/** Where checkpoints keep the weights, the most likely first. */
const USUAL_KEYS = [
  'state_dict',
  'model',
  'model_state_dict',
  'model_state',
  'net',
  'network',
  'params',
  'weights',
];

/** Where checkpoints keep a whole network, pickled, of which nothing can be read; asked where no names of layers are found. */
const WHOLE_KEYS = [...USUAL_KEYS, 'ema', 'model_ema', 'learner'];

/** Dictionaries inside dictionaries inside the checkpoint; and how many are looked at. */
const MOST_DEPTH = 3;
const MOST_DICTIONARIES = 200;

const OF_A_LAYER = /(?:^|\.)(?:weight|bias|running_mean|running_var)$/;
/** What an unread tensor is made by or made of. */
const UNREAD_TENSOR = /^torch\.(?:_utils\._rebuild_\w+|\w+Storage|[a-z]+[0-9]\w*)$/;

/** A tensor, read or not. */
const isTensor = (value: PickleValue): boolean =>
  value instanceof TensorRef || (value instanceof OpaqueRef && UNREAD_TENSOR.test(value.name));

type Dictionary = Map<PickleValue, PickleValue>;

interface Candidate {
  /** The keys that lead to it; none for the root. */
  path: readonly string[];
  dict: Dictionary;
  tensors: number;
  /** Tensors with the names of a layer's. */
  ofLayers: number;
}

/** The weights inside whatever was saved, and the other sets of tensors beside them. @throws WeightsError */
export function weightsIn(root: PickleValue, builder: TensorBuilder): WeightsFile {
  if (root instanceof OpaqueRef) throw foreignObject(root.name, null);
  if (!(root instanceof Map)) {
    const what = root instanceof TensorRef ? 'a single tensor' : 'no dictionary';
    throw new WeightsError('objects', `holds ${what}; save model.state_dict() instead.`);
  }
  const [chosen, ...others] = ordered(candidatesIn(root));
  const whole = !chosen?.ofLayers && WHOLE_KEYS.find((key) => root.get(key) instanceof OpaqueRef);
  if (whole) throw foreignObject((root.get(whole) as OpaqueRef).name, whole);
  if (!chosen) {
    const keys = listNames(entries(root));
    throw new WeightsError(
      'objects',
      `holds a dictionary without a state_dict that could be told (its keys: ${keys}); save model.state_dict().`,
    );
  }
  return { ...built(chosen, root, builder), others: others.map((one) => otherOf(one, root, builder)) };
}

/** Every dictionary of tensors, the root first, then in the file's order. */
function candidatesIn(root: Dictionary): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<PickleValue>();
  const look = (value: PickleValue, path: readonly string[]): void => {
    if (!(value instanceof Map) || seen.has(value) || seen.size === MOST_DICTIONARIES) return;
    seen.add(value);
    const names = [...value].filter(([, item]) => isTensor(item)).map(([name]) => String(name));
    const ofLayers = names.filter((name) => OF_A_LAYER.test(name)).length;
    if (names.length > 0) found.push({ path, dict: value, tensors: names.length, ofLayers });
    if (path.length === MOST_DEPTH) return;
    for (const [key, item] of value) if (typeof key === 'string') look(item, [...path, key]);
  };
  look(root, []);
  return found;
}

/** Best first, by the rule above. */
function ordered(candidates: readonly Candidate[]): Candidate[] {
  const below = candidates.filter(({ path }) => path.length > 0).sort(byRule);
  const root = candidates.find(({ path }) => path.length === 0);
  if (!root) return below;
  const [best] = below;
  const rootIsIt =
    !best || (best.ofLayers > 0 ? root.ofLayers >= best.ofLayers : root.tensors >= best.tensors);
  return rootIsIt ? [root, ...below] : [best, root, ...below.slice(1)];
}

function byRule(a: Candidate, b: Candidate): number {
  return Number(b.ofLayers > 0) - Number(a.ofLayers > 0) || byKeys(a.path, b.path) || b.ofLayers - a.ofLayers;
}

/** The usual keys first, one after the other along the path. */
function byKeys(a: readonly string[], b: readonly string[]): number {
  const place = (key: string | undefined): number =>
    key === undefined ? -1 : (USUAL_KEYS.indexOf(key) + USUAL_KEYS.length + 1) % (USUAL_KEYS.length + 1);
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = place(a[at]) - place(b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function otherOf(one: Candidate, root: Dictionary, builder: TensorBuilder): OtherWeights {
  return { tensors: one.tensors, read: () => built(one, root, builder) };
}

/** The tensors of a dictionary, and in sentences what was taken and what was left. */
function built({ path, dict, ...of }: Candidate, root: Dictionary, builder: TensorBuilder): WeightsFile {
  if (of.tensors > MOST_TENSORS)
    throw new WeightsError('objects', `holds ${of.tensors} tensors; at most ${MOST_TENSORS} are read.`);
  const tensors: StateDict = new Map();
  const left: [PickleValue, PickleValue][] = [];
  for (const [name, value] of dict) {
    if (value instanceof OpaqueRef && isTensor(value)) throw unread(String(name), value.name);
    if (!(value instanceof TensorRef)) left.push([name, value]);
    else if (typeof name === 'string') tensors.set(name, builder.build(name, value));
    else throw new WeightsError('objects', 'is damaged: a tensor has a name that is no text.');
  }
  const notes: string[] = [];
  if (path.length > 0) {
    notes.push(`Took the weights from the entry '${shorten(path.join('.'))}' of the checkpoint.`);
    const rest = [...root].filter(([key]) => key !== path[0]);
    if (rest.length > 0) notes.push(`Left its other entries: ${listNames(entries(rest))}.`);
  }
  if (left.length > 0) notes.push(`Left out what is no tensor: ${listNames(entries(left))}.`);
  return { tensors, metadata: {}, notes };
}

/** Keys, with what they hold where it is no plain value. */
function entries(items: Iterable<readonly [PickleValue, PickleValue]>): string[] {
  return Array.from(items, ([key, value]) => `${shorten(String(key))}${kind(value)}`);
}

function kind(value: PickleValue): string {
  if (value instanceof OpaqueRef) return ` (${shorten(value.name)}, not run)`;
  if (value instanceof TensorRef) return ' (a tensor)';
  const tensors = value instanceof Map ? [...value.values()].filter(isTensor).length : 0;
  return tensors > 0 ? ` (${tensors} tensors)` : '';
}

function unread(name: string, type: string): WeightsError {
  const made = type.startsWith('torch._utils.');
  return new WeightsError(
    'objects',
    `stores ${shorten(name)} ${made ? 'by' : 'as'} ${shorten(type)}, which is not supported; ` +
      `${made ? 'make plain tensors of it in PyTorch (dequantize(), to_dense()) and' : 'convert the tensors to float32 and'} save them again.`,
  );
}
