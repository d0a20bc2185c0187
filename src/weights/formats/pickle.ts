/**
 * A restricted unpickler: runs the pickle programs of torch files, and can build tensors, dictionaries, lists,
 * tuples, strings, bytes, numbers, True, False and None, and nothing else. Everything else becomes an `OpaqueRef`: what
 * a program does to one (calls, attributes, items) is taken off the stack and forgotten.
 *
 * The machine is a stack, a memo and a list of marks. It never recurses, so depth costs nothing; every opcode takes
 * at least one byte, strings and memo entries come out of the bytes that are there, and a budget of steps bounds
 * what a small file can make it do. Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */

import { shorten, WeightsError } from './error.ts';
import { PickleInput, parseDecimal } from './pickle-input.ts';
import {
  GlobalRef,
  isCount,
  OpaqueRef,
  type PickleValue,
  resolveGlobal,
  StorageRef,
  TensorRef,
} from './pickle-values.ts';

/** EfficientNet-B7 with optimiser and moving average takes 0.3 million. */
const MAX_STEPS = 1_000_000;
const MAX_MARKS = 1000;
/** A dictionary weighs as much as this many plain values. */
const DICT_STEPS = 8;

function damaged(what: string): WeightsError {
  return new WeightsError('objects', `is damaged: ${what}.`);
}

class Machine {
  readonly input: PickleInput;
  readonly memo = new Map<number, PickleValue>();
  private readonly marks: number[] = [];
  private readonly stack: PickleValue[] = [];
  private budget: number;
  readonly storages: StorageRef[] = [];
  result: { value: PickleValue } | null = null;

  constructor(input: PickleInput) {
    this.input = input;
    this.budget = Math.min(MAX_STEPS, DICT_STEPS * (input.remaining + 100));
  }

  /** Counts work against the budget. */
  readonly spend = (steps: number): void => {
    this.budget -= steps;
    if (this.budget < 0)
      throw new WeightsError(
        'objects',
        'takes more steps to build its objects than any weights need; save model.state_dict() alone.',
      );
  };

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  /** The height below which the current mark protects the stack. */
  private get floor(): number {
    return this.marks.at(-1) ?? 0;
  }

  pop(): PickleValue {
    if (this.stack.length <= this.floor) throw damaged('an instruction takes a value from an empty stack');
    return this.stack.pop()!;
  }

  top(): PickleValue {
    if (this.stack.length <= this.floor) throw damaged('an instruction reads an empty stack');
    return this.stack.at(-1)!;
  }

  mark(): void {
    if (this.marks.length >= MAX_MARKS) throw damaged(`its objects are nested more than ${MAX_MARKS} deep`);
    this.marks.push(this.stack.length);
  }

  popMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw damaged('an instruction looks for a mark that was never set');
    return this.stack.splice(mark);
  }

  pair(): [PickleValue, PickleValue] {
    const second = this.pop();
    return [this.pop(), second];
  }

  newDict(): Map<PickleValue, PickleValue> {
    this.spend(DICT_STEPS);
    return new Map();
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw damaged(`memo entry ${index} was never written`);
    this.push(value);
  }

  append(items: PickleValue[]): void {
    const list = this.top();
    if (list instanceof OpaqueRef) return;
    if (!Array.isArray(list)) throw damaged('items are appended to something that is no list');
    for (const item of items) list.push(item);
  }

  setItems(items: PickleValue[]): void {
    const dict = this.top();
    if (dict instanceof OpaqueRef) return;
    if (!(dict instanceof Map)) throw damaged('entries are put into something that is no dictionary');
    if (items.length % 2 !== 0) throw damaged('a key of a dictionary has no value');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  /** REDUCE, NEWOBJ: calls a function of the table; what anything else would give is opaque. */
  call(callee: PickleValue, args: PickleValue): void {
    if (callee instanceof OpaqueRef) {
      this.push(callee);
      return;
    }
    if (!(callee instanceof GlobalRef) || !callee.call)
      throw damaged('it calls something that is no function');
    if (!Array.isArray(args)) throw damaged(`the arguments of ${callee.name} are no tuple`);
    this.spend(DICT_STEPS);
    this.push(callee.call(args, this.spend));
  }

  stop(): void {
    this.result = { value: this.pop() };
  }

  /** NEWOBJ_EX: a class called with positional and named arguments, of which no function of the table has any. */
  callWithNames(): void {
    const [args] = this.pair();
    this.call(this.pop(), args);
  }

  /** OBJ: as INST, with the class on the stack. */
  callAboveMark(): void {
    const [callee, ...args] = this.popMark();
    this.call(callee ?? null, args);
  }

  /** ADDITEMS: members of a set, which is opaque. */
  addToSet(): void {
    this.popMark();
    if (!(this.top() instanceof OpaqueRef)) throw damaged('members are added to something that is no set');
  }

  /** INST: a global called with everything above the mark. */
  callGlobal(module: string, name: string): void {
    const callee = resolveGlobal(module, name);
    this.call(callee, this.popMark());
  }

  /** BUILD: attributes of a dictionary, a parameter (`_metadata`, hooks) or an opaque object are dropped. */
  build(): void {
    this.pop();
    const target = this.top();
    if (!(target instanceof Map) && !(target instanceof TensorRef) && !(target instanceof OpaqueRef)) {
      throw damaged('it sets attributes on something that is neither a dictionary nor a tensor');
    }
  }

  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw damaged('a global has no name');
    this.push(resolveGlobal(module, name));
  }

  /** ('storage', type, key, location, numel) and, in old files, a view (key, offset, numel) or None. */
  persistent(): void {
    const id = this.pop();
    if (!Array.isArray(id) || id[0] !== 'storage') throw damaged('a persistent id does not name a storage');
    const [, type, key, , numel, view] = id;
    if (type instanceof OpaqueRef) {
      this.push(type);
      return;
    }
    if (!(type instanceof GlobalRef) || !type.storage) throw damaged('a storage has no element type');
    if (typeof key !== 'string' || !isCount(numel)) throw damaged('a storage has no key or no length');
    const storage = new StorageRef(type.storage, key, numel, storageView(view));
    this.storages.push(storage);
    this.push(storage);
  }
}

function storageView(view: PickleValue | undefined): StorageRef['view'] {
  if (view === undefined || view === null) return null;
  if (!Array.isArray(view)) throw damaged('the view of a storage is no tuple');
  const [key, offset, numel] = view;
  if (typeof key !== 'string' || !isCount(offset) || !isCount(numel)) {
    throw damaged('the view of a storage has no key, offset or length');
  }
  return { key, offset, numel };
}

/** Protocol 0's string of Python 2, quoted as `repr` does it. */
function quoted(line: string): string {
  const match = /^'(.*)'$|^"(.*)"$/s.exec(line);
  if (!match) throw damaged('a quoted string is not closed');
  return (match[1] ?? match[2]).replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, code?: string, letter?: string) =>
    code ? String.fromCharCode(Number.parseInt(code, 16)) : (CONTROLS[letter!] ?? letter!),
  );
}

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Protocol 0's text: characters beyond Latin-1, and those that would break the line, by their numbers. */
function unescaped(line: string): string {
  return line.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** Protocol 0 writes True and False as the numbers 01 and 00. */
function decimalOrBool(line: string): PickleValue {
  return line === '01' ? true : line === '00' ? false : parseDecimal(line);
}

/** 'F' writes a number as text. */
function decimalFloat(line: string): number {
  if (!/^[-+]?(?:[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?|inf|nan)$/i.test(line))
    throw damaged('a number is no number');
  return Number(line.replace(/inf/i, 'Infinity').replace(/nan/i, 'NaN'));
}

type Step = (machine: Machine, input: PickleInput) => void;

/** What each opcode does, in the order of pickletools: by its letter, or its number where it has none. */
const OPCODES: ReadonlyArray<readonly [opcode: string | number, step: Step]> = [
  // Numbers, True, False, None
  ['I', (m, input) => m.push(decimalOrBool(input.line()))],
  ['L', (m, input) => m.push(parseDecimal(input.line()))],
  ['J', (m, input) => m.push(input.int32())],
  ['K', (m, input) => m.push(input.uint8())],
  ['M', (m, input) => m.push(input.uint16())],
  [0x8a, (m, input) => m.push(input.integer(input.uint8()))], // LONG1
  [0x8b, (m, input) => m.push(input.integer(input.uint32()))], // LONG4
  ['F', (m, input) => m.push(decimalFloat(input.line()))],
  ['G', (m, input) => m.push(input.float64BigEndian())],
  ['N', (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  // Strings and bytes
  ['S', (m, input) => m.push(quoted(input.line()))],
  ['T', (m, input) => m.push(input.python2(input.uint32()))],
  ['U', (m, input) => m.push(input.python2(input.uint8()))],
  ['V', (m, input) => m.push(unescaped(input.line()))],
  ['X', (m, input) => m.push(input.utf8(input.uint32()))],
  [0x8c, (m, input) => m.push(input.utf8(input.uint8()))], // SHORT_BINUNICODE
  [0x8d, (m, input) => m.push(input.utf8(input.uint64()))], // BINUNICODE8
  ['B', (m, input) => m.push(input.take(input.uint32()))],
  ['C', (m, input) => m.push(input.take(input.uint8()))],
  [0x8e, (m, input) => m.push(input.take(input.uint64()))], // BINBYTES8
  [0x96, (m, input) => m.push(input.take(input.uint64()))], // BYTEARRAY8
  // Lists, tuples, dictionaries
  [']', (m) => m.push([])],
  ['l', (m) => m.push(m.popMark())],
  ['a', (m) => m.append([m.pop()])],
  ['e', (m) => m.append(m.popMark())],
  [')', (m) => m.push([])],
  ['t', (m) => m.push(m.popMark())],
  [0x85, (m) => m.push([m.pop()])], // TUPLE1
  [0x86, (m) => m.push(m.pair())], // TUPLE2
  [
    0x87, // TUPLE3
    (m) => {
      const [second, third] = m.pair();
      m.push([m.pop(), second, third]);
    },
  ],
  ['}', (m) => m.push(m.newDict())],
  ['s', (m) => m.setItems(m.pair())],
  ['u', (m) => m.setItems(m.popMark())],
  [
    'd',
    (m) => {
      const items = m.popMark();
      m.push(m.newDict());
      m.setItems(items);
    },
  ],
  // Sets
  [0x8f, (m) => m.push(new OpaqueRef('builtins.set'))],
  [0x90, (m) => m.addToSet()],
  [
    0x91, // FROZENSET
    (m) => {
      m.popMark();
      m.push(new OpaqueRef('builtins.frozenset'));
    },
  ],
  // The stack and the memo
  ['0', (m) => void m.pop()],
  ['1', (m) => void m.popMark()],
  ['2', (m) => m.push(m.top())],
  ['(', (m) => m.mark()],
  ['p', (m, input) => m.remember(Number(parseDecimal(input.line())))],
  ['q', (m, input) => m.remember(input.uint8())],
  ['r', (m, input) => m.remember(input.uint32())],
  [0x94, (m) => m.remember(m.memo.size)], // MEMOIZE
  ['g', (m, input) => m.recall(Number(parseDecimal(input.line())))],
  ['h', (m, input) => m.recall(input.uint8())],
  ['j', (m, input) => m.recall(input.uint32())],
  // Globals, calls, storages
  ['c', (m, input) => m.global(input.line(), input.line())],
  [0x93, (m) => m.global(...m.pair())], // STACK_GLOBAL
  ['i', (m, input) => m.callGlobal(input.line(), input.line())], // INST
  ['R', (m) => m.call(...m.pair())],
  [0x81, (m) => m.call(...m.pair())], // NEWOBJ
  [0x92, (m) => m.callWithNames()], // NEWOBJ_EX
  ['o', (m) => m.callAboveMark()],
  ['b', (m) => m.build()],
  ['Q', (m) => m.persistent()],
  // The frame of the program
  [0x80, (_, input) => checkProtocol(input.uint8())], // PROTO
  [0x95, (_, input) => void input.uint64()], // FRAME: only a hint for buffering
  ['.', (m) => m.stop()],
];

const STEPS: (Step | undefined)[] = new Array(256);
for (const [opcode, step] of OPCODES)
  STEPS[typeof opcode === 'string' ? opcode.charCodeAt(0) : opcode] = step;

function checkProtocol(protocol: number): void {
  if (protocol > 5) throw damaged(`it is written in pickle protocol ${protocol}, and Python has 0 to 5`);
}

/**
 * Runs one pickle from byte `start`.
 * @returns its value, the byte after it, and every storage that it named.
 * @throws WeightsError naming the global that it wanted to run, or saying what is damaged or missing.
 */
export function unpickle(
  bytes: Uint8Array,
  start = 0,
): { value: PickleValue; end: number; storages: readonly StorageRef[] } {
  const input = new PickleInput(bytes, start);
  const machine = new Machine(input);
  while (!machine.result) {
    machine.spend(1);
    const opcode = input.uint8();
    const step = STEPS[opcode];
    if (!step) {
      const shown =
        opcode > 0x20 && opcode < 0x7f ? shorten(String.fromCharCode(opcode)) : `0x${opcode.toString(16)}`;
      throw damaged(
        `pickle instruction ${shown} at byte ${input.position - 1} has no place in a weights file`,
      );
    }
    step(machine, input);
  }
  return { value: machine.result.value, end: input.position, storages: machine.storages };
}
