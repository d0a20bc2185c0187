/**
 * From a weights file to a model's parameters: which tensors fit, which do not, and a report in sentences.
 *
 * Nothing here knows a model or a GPU: the model says what it expects, `planLoad` answers with numbers in the
 * engine's layout, and whoever owns the tensors writes them. PyTorch: Module.load_state_dict.
 */

import { fromTorch, type Layout, torchShape } from '../nn/layout.ts';
import { packHalves } from '../tensor/halves.ts';
import { sameShape } from '../tensor/shape.ts';
import { InputError } from '../text/input-error.ts';
import { listNames } from './formats/error.ts';
import { halfToFloat32 } from './formats/half.ts';
import { type StoredTensor, showShape, toFloat32, toHalves, type WeightsFile } from './formats/state.ts';
import { addSuspect, type SuspectValues, type ValuesAt } from './suspect.ts';

/** One parameter or buffer that the model wants. `shape` is the engine's. */
export interface ExpectedTensor {
  shape: readonly number[];
  layout: Layout;
  /** Belongs to the classifier, which may be replaced for another number of classes. */
  head?: boolean;
  /** May be missing (num_batches_tracked). */
  optional?: boolean;
}

export interface LoadWeightsOptions {
  /** Throw where anything is missing, unexpected or of another shape (default true). */
  strict?: boolean;
  /** Leave the head as it is initialised where the file has another one, or none (default false). */
  replaceHead?: boolean;
}

/** With what the caller knows of the model. */
export interface PlanOptions extends LoadWeightsOptions {
  /** Tensors that the model does not have and that may be there all the same: they are reported and left. */
  beside?: (name: string) => boolean;
  /** Whether a tensor of the engine's shape is wanted in 16 bits a value, where the file holds halves. */
  halves?: (shape: readonly number[]) => boolean;
}

/** What became of every tensor, by name. Shapes are PyTorch's. */
export interface LoadReport {
  loaded: string[];
  missing: string[];
  unexpected: string[];
  wrongShape: { name: string; file: readonly number[]; model: readonly number[] }[];
  replacedHead: string[];
  /** The optimiser's state in the last.safetensors of a run; no part of the model. */
  leftAside: string[];
  /** Loaded, with NaN or infinity among the values. */
  notFinite: string[];
  /** Loaded, and no weights of a network that was trained, as far as values can tell; src/weights/sound.ts judges them. */
  suspect: SuspectValues;
  notes: string[];
}

/** What to write into the model: engine layout; may share memory with the file. */
export type LoadValues = Map<string, LoadedTensor>;

export interface LoadedTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /** The same values as `packHalves` packs them, where that was asked for and the file holds halves. */
  readonly halves?: Uint16Array<ArrayBuffer>;
}

/** A counter of batch norms that nothing computes with; files from before PyTorch 0.4 lack it. */
export function isCounter(name: string): boolean {
  return name.endsWith('num_batches_tracked');
}

/** What stands before the names of the tensors that the last.safetensors of a run holds beside the model's. */
export const OPTIMIZER = 'optimizer.';
export const CALLBACK = 'callback.';

/** Whether a tensor is of a run's state and not of its network. */
export function isRunState(name: string): boolean {
  return name.startsWith(OPTIMIZER) || name.startsWith(CALLBACK);
}

/** A sentence on the tensors of a run's state among `names`, for each kind that is there. */
export function runStateNotes(names: readonly string[]): string[] {
  return [
    [OPTIMIZER, 'an optimiser'],
    [CALLBACK, 'callbacks'],
  ].flatMap(([prefix, owner]) => {
    const count = names.filter((name) => name.startsWith(prefix)).length;
    return count > 0
      ? [
          `Left ${plural(count, 'tensor')} of ${owner} aside (${prefix}…): the file is the last state of a run.`,
        ]
      : [];
  });
}

/** The same layer but, perhaps, for its first dimension, the number of classes. */
export function otherClasses(file: readonly number[], model: readonly number[]): boolean {
  return file.length > 0 && sameShape(file.slice(1), model.slice(1));
}

/**
 * Compares a file with what a model expects and converts what fits. A run's state is left aside, strict or not.
 * @throws Error when strict and something is missing, unexpected or of another shape; always when nothing fits.
 */
export function planLoad(
  expected: ReadonlyMap<string, ExpectedTensor>,
  file: WeightsFile,
  options: PlanOptions = {},
): { report: LoadReport; values: LoadValues } {
  const { strict = true, replaceHead = false, beside = () => false } = options;
  const report: LoadReport = {
    loaded: [],
    missing: [],
    unexpected: [],
    wrongShape: [],
    replacedHead: [],
    leftAside: [],
    notFinite: [],
    suspect: { weights: 0, whole: [], zero: [], negative: [], sameRows: [] },
    notes: [...(file.notes ?? [])],
  };
  const accepted: [name: string, entry: ExpectedTensor, stored: StoredTensor][] = [];
  for (const [name, entry] of expected) {
    const stored = file.tensors.get(name);
    const model = torchShape(entry.shape, entry.layout);
    if (stored && sameShape(stored.shape, model)) accepted.push([name, entry, stored]);
    else if (entry.head && replaceHead) report.replacedHead.push(name);
    else if (stored) report.wrongShape.push({ name, file: stored.shape, model });
    else if (!entry.optional) report.missing.push(name);
  }
  for (const name of file.tensors.keys()) {
    if (expected.has(name) || isCounter(name)) continue;
    (isRunState(name) ? report.leftAside : report.unexpected).push(name);
  }
  report.loaded = accepted.map(([name]) => name);
  noteTypes(accepted, report.notes);
  const astray = report.unexpected.filter((name) => !beside(name));
  const problems = report.missing.length + astray.length + report.wrongShape.length;
  if ((strict && problems > 0) || (accepted.length === 0 && expected.size > 0))
    throw new InputError(refusal(file.name ?? 'the file', { ...report, unexpected: astray }, options));
  return { report, values: convert(accepted, report, options) };
}

/** The accepted tensors in the engine's layout; reports what is strange about their values. */
function convert(
  accepted: readonly [string, ExpectedTensor, StoredTensor][],
  { notFinite, suspect }: LoadReport,
  { halves = () => false }: PlanOptions,
): LoadValues {
  const values: LoadValues = new Map();
  for (const [name, { layout, head = false, shape }, stored] of accepted) {
    const packed = stored.dtype === 'float16' && halves(shape) ? packedTensor(stored, layout) : null;
    if (packed) {
      addSuspect(suspect, name, stored, packed.values, head);
      values.set(name, packed.tensor);
      continue;
    }
    const data = toFloat32(stored);
    if (allFinite(data))
      addSuspect(suspect, name, stored, { length: data.length, at: (index) => data[index] }, head);
    else notFinite.push(name);
    values.set(name, fromTorch(data, stored.shape, layout));
  }
  return values;
}

/** A tensor of halves as it is kept, converted only for whoever wants floats; null where its values are none to be kept so. */
function packedTensor(
  stored: StoredTensor,
  layout: Layout,
): { tensor: LoadedTensor; values: ValuesAt } | null {
  const bits = toHalves(stored);
  const packed = packHalves(bits);
  if (!packed) return null;
  const { data: halves, shape } = fromTorch(packed, stored.shape, layout);
  return {
    values: { length: bits.length, at: (index) => halfToFloat32(bits.subarray(index, index + 1))[0] },
    tensor: {
      halves,
      shape,
      get data() {
        return fromTorch(toFloat32(stored), stored.shape, layout).data;
      },
    },
  };
}

/** A sentence on the tensors `names` that the model does not have; none where there are none. */
export function unexpectedNote(names: readonly string[]): string[] {
  return names.length > 0 ? [`In the file but not in the model (${names.length}): ${listNames(names)}.`] : [];
}

/** A sentence on the tensors `names` with values that are not finite; none where there are none. */
export function notFiniteNote(names: readonly string[]): string[] {
  return names.length > 0
    ? [`NaN or infinity among the weights of ${listNames(names)}: the file may be damaged.`]
    : [];
}

/** x·0 is 0 for every finite x and NaN otherwise, and NaN survives a sum: one pass without a branch. */
export function allFinite(data: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] * 0;
  return sum === 0;
}

/** Says which types were converted; integers are suspicious (quantised weights), counters are not. */
function noteTypes(accepted: readonly [string, ExpectedTensor, StoredTensor][], notes: string[]): void {
  const byType = new Map<string, string[]>();
  for (const [name, , { dtype }] of accepted) {
    if (dtype === 'float32' || isCounter(name)) continue;
    byType.set(dtype, [...(byType.get(dtype) ?? []), name]);
  }
  for (const [dtype, names] of byType) {
    const integer = !dtype.includes('float');
    if (integer)
      notes.push(`Read the ${dtype} numbers of ${listNames(names)} as they are: no scale is applied.`);
    else notes.push(`Converted ${plural(names.length, 'tensor')} from ${dtype} to float32.`);
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function shapesOf(report: LoadReport): string {
  return listNames(
    report.wrongShape.map(
      ({ name, file, model }) => `${name} (file ${showShape(file)}, model ${showShape(model)})`,
    ),
  );
}

/** The sentence of the error: what does not fit, and what to do. */
function refusal(file: string, report: LoadReport, { beside }: PlanOptions): string {
  const { missing, unexpected, wrongShape, loaded } = report;
  const parts: string[] = [];
  if (missing.length > 0) parts.push(`${missing.length} missing: ${listNames(missing)}`);
  if (unexpected.length > 0) parts.push(`${unexpected.length} unexpected: ${listNames(unexpected)}`);
  if (wrongShape.length > 0) parts.push(`${wrongShape.length} of another shape: ${shapesOf(report)}`);
  const onlyClasses =
    missing.length + unexpected.length === 0 &&
    wrongShape.every(({ file, model }) => otherClasses(file, model));
  const remedy =
    loaded.length === 0
      ? 'No tensor of the file fits: it was saved from another model, or under other names.'
      : onlyClasses
        ? 'If only the number of classes differs, ask for a new head (replaceHead).'
        : `Check that the file was saved from this model${beside ? '' : ', or take what fits (strict: false)'}.`;
  return `${file} does not fit the model. ${parts.map((part) => `${part}. `).join('')}${remedy}`;
}

/** The report as sentences, one a line. */
export function describeReport(report: LoadReport): string {
  const lines = [`Loaded ${plural(report.loaded.length, 'tensor')}.`];
  if (report.replacedHead.length > 0) {
    lines.push(
      `The head starts anew, because the file's is another one or missing: ${listNames(report.replacedHead)}.`,
    );
  }
  if (report.missing.length > 0) {
    lines.push(
      `Missing from the file, left as initialised (${report.missing.length}): ${listNames(report.missing)}.`,
    );
  }
  lines.push(...unexpectedNote(report.unexpected));
  if (report.wrongShape.length > 0) {
    lines.push(`Of another shape, left as initialised (${report.wrongShape.length}): ${shapesOf(report)}.`);
  }
  return [
    ...lines,
    ...runStateNotes(report.leftAside),
    ...report.notes,
    ...notFiniteNote(report.notFinite),
  ].join('\n');
}
