/** The unpickler on its own: what it builds, what it refuses to run, and that a small pickle cannot cost much. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unpickle } from '../../../src/weights/formats/pickle.ts';
import { OpaqueRef, StorageRef, TensorRef } from '../../../src/weights/formats/pickle-values.ts';
import { TensorBuilder } from '../../../src/weights/formats/torch-tensor.ts';
import { fixture as jsonFixture } from '../../helpers/fixture.ts';
import { cpuMilliseconds } from '../../helpers/hostile.ts';
import { assertRefused, reference } from '../fixtures.ts';

const pickle = suite('weights: unpickler');

/** Characters as bytes of the same number. */
function program(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// What Python's pickle.dumps writes, and opcodes that no modern torch file has but older ones do.
const BUILT: [label: string, pickle: string, value: unknown][] = [
  ['None, True, False', '(N\x88\x89t.', [null, true, false]],
  ['protocol 0 integers and booleans', '(lp0\nI7\naI01\naI00\naI101\naL-12L\na.', [7, true, false, 101, -12]],
  ['protocol 0 floats', '(F-1.5e-3\nFinf\nFnan\nt.', [-0.0015, Infinity, NaN]],
  [
    'protocol 0 strings',
    "(S'weight'\nS'\\x00\\\\\\n'\nVna\xefve\nV\\u03b1\\u000a\nt.",
    ['weight', '\0\\\n', 'naïve', 'α\n'],
  ],
  ['protocol 2 integers', '\x80\x02(K\xffM\xff\xffJ\xff\xff\xff\xfft.', [255, 65535, -1]],
  ['long integers', '\x80\x02(\x8a\x00\x8a\x01\x80\x8a\x08\0\0\0\0\0\0\0\x80t.', [0, -128, -(2n ** 63n)]],
  ['binary float', '\x80\x02G\x3f\xf8\0\0\0\0\0\0.', 1.5],
  ['bytes and short strings', '\x80\x04(C\x02\x00\xff\x8c\x02okU\x01ut.', [Uint8Array.of(0, 255), 'ok', 'u']],
  [
    'tuples of one, two, three',
    '\x80\x02(K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87)t.',
    [[1], [1, 2], [1, 2, 3], []],
  ],
  [
    'dictionaries',
    '(dp0\nI1\nI2\ns(I3\nI4\nu.',
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  ['a dictionary of marks', '(I1\nI2\nd.', new Map([[1, 2]])],
  ['memo of protocols 0, 2 and 4', '\x80\x04]\x94q\x07p9\n(h\x00h\x07g9\nt.', [[], [], []]],
  ['POP, DUP, POP_MARK', '(K\x01K\x020(K\x05K\x0612t.', [1, 1]],
  ['OrderedDict of pairs', 'ccollections\nOrderedDict\n((lI1\nI2\n\x86atR.', new Map([[1, 2]])],
  ['bytes as protocol 2 writes them', 'c_codecs\nencode\n(V\xff\nVlatin1\ntR.', Uint8Array.of(255)],
  [
    'a default dictionary, whose factory is not called',
    'ccollections\ndefaultdict\n(c__builtin__\nlist\ntR.',
    new Map(),
  ],
  ['strings of Python 2 that are no text', '\x80\x02(U\x01\xffU\x02\xc3\xaft.', ['ÿ', 'ï']],
  ['torch.Size', 'ctorch\nSize\n((I2\nI3\nttR.', [2, 3]],
];

for (const [label, text, value] of BUILT) {
  pickle(`builds ${label}`, () => {
    const bytes = program(text);
    const built = unpickle(bytes);
    assert.equal(built.value, value);
    assert.is(built.end, bytes.length);
  });
}

pickle('builds a parameter as PyTorch 0.1 wrote it: _rebuild_tensor, Parameter, state', () => {
  const storage = "(S'storage'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI6\nNtQ";
  const tensor = `ctorch._utils\n_rebuild_tensor\n(${storage}I0\n(I2\nI3\nt(I3\nI1\nttR`;
  const hooks = 'ccollections\nOrderedDict\n)R';
  const built = unpickle(program(`ctorch.nn.parameter\nParameter\n${tensor}\x85R(I01\nI00\n${hooks}tb.`));
  assert.equal(
    built.value,
    new TensorRef(new StorageRef('float32', '7', 6, null), 'float32', 0, [2, 3], [3, 1]),
  );
  assert.equal(
    built.storages.map(({ key }) => key),
    ['7'],
  );
});

// getattr is how bound methods are saved: it is opaque.
for (const { runs, protocol, hex } of reference.attacks.filter(({ runs }) => !runs.endsWith('getattr'))) {
  pickle(`refuses to run ${runs} (protocol ${protocol})`, async () => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'));
    await assertRefused(() => unpickle(bytes), new RegExp(`refuses to run ${runs.replaceAll('.', '\\.')}`));
  });
}

/** A program that looks a name up, in the ways of protocols 0 and 4. */
const lookUps = (module: string, name: string): string[] => [
  `c${module}\n${name}\n.`,
  `\x80\x04\x8c${String.fromCharCode(module.length)}${module}\x8c${String.fromCharCode(name.length)}${name}\x93.`,
];

// Names that are there to run code, beside those of the attacks above.
const REFUSED = [
  ['torch', 'load'],
  ['torch.storage', '_load_from_bytes'],
  ['os', 'execv'],
  ['os.path', 'join'],
  ['subprocess', 'Popen'],
  ['builtins', '__import__'],
  ['importlib', 'import_module'],
  ['pickle', 'loads'],
] as const;

for (const [module, name] of REFUSED)
  pickle(`refuses to run ${module}.${name}`, async () => {
    for (const text of lookUps(module, name))
      await assertRefused(() => unpickle(program(text)), /refuses to run/);
  });

// Names that JavaScript's own objects answer to, and neighbours of what is allowed.
const UNKNOWN = [
  ['torch', '__proto__'],
  ['', 'constructor'],
  ['__proto__', 'constructor'],
  ['torch._utils', '_rebuild_tensor_v2.__globals__'],
  ['collections', 'OrderedDict.__init__'],
  ['numpy.core.multiarray', 'scalar'],
  ['codecs', 'encode'],
] as const;

for (const [module, name] of UNKNOWN)
  pickle(`does not know ${module}.${name}, and builds nothing of it`, () => {
    for (const text of lookUps(module, name)) {
      const called = `${text.slice(0, -1)})R}VKey\nI1\nsb.`;
      for (const one of [text, called])
        assert.equal(unpickle(program(one)).value, new OpaqueRef(`${module}.${name}`));
    }
  });

const OBJECTS = jsonFixture<{ label: string; protocol: number; hex: string }[]>('pickled_objects.json');
for (const label of new Set(OBJECTS.map((one) => one.label)))
  pickle(`skips what training scripts save beside weights: ${label}`, () => {
    for (const { protocol, hex } of OBJECTS.filter((one) => one.label === label)) {
      const { value } = unpickle(new Uint8Array(Buffer.from(hex, 'hex')));
      assert.instance(value, Map);
      const saved = value as Map<unknown, unknown>;
      assert.equal([...saved.keys()], ['before', 'object', 'after'], `protocol ${protocol}`);
      assert.equal([saved.get('before'), saved.get('after')], [1, 2], `protocol ${protocol}`);
    }
  });

const DAMAGED: [label: string, pickle: string, sentence: RegExp][] = [
  ['an empty stack', '.', /empty stack/],
  ['no STOP', 'N', /truncated/],
  ['a mark that was never set', 't.', /mark that was never set/],
  ['a pop below a mark', 'N(0.', /empty stack/],
  ['a memo entry that was never written', 'h\x05.', /memo entry 5/],
  ['a string longer than the file', 'X\xff\xff\xff\xffabc.', /truncated.*needs 4294967295 bytes/],
  ['bytes of 2⁶³', '\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.', /truncated/],
  ['a long of 4 GB', '\x8b\xff\xff\xff\xff.', /integer of 4294967295 bytes/],
  ['invalid UTF-8', 'X\x01\0\0\0\xff.', /not UTF-8/],
  ['a line without end', `V${'a'.repeat(20_000)}`, /no line ends/],
  ['append to a number', 'K\x01K\x02a.', /no list/],
  ['a key without value', '}(K\x01u.', /has no value/],
  ['a call of a number', 'K\x01)R.', /no function/],
  ['a call of an element type', 'ctorch\nfloat32\n)R.', /no function/],
  ['attributes of a list', ']Nb.', /sets attributes/],
  ['members of a list', '](K\x01\x90.', /no set/],
  ['an extension', '\x82\x01.', /instruction 0x82/],
  ['an out-of-band buffer', '\x97.', /instruction 0x97/],
  ['a protocol of the future', '\x80\x09N.', /protocol 9/],
  ['a persistent id as text', 'Pabc\n.', /instruction P/],
  ['a storage without type', "(S'storage'\nNS'0'\nS'cpu'\nI1\ntQ.", /no element type/],
  ['a tensor over a list', 'ctorch._utils\n_rebuild_tensor_v2\n(]I0\n))tR.', /no storage/],
  ['a number in words', 'Iseven\n.', /no number/],
];

for (const [label, text, sentence] of DAMAGED) {
  pickle(`refuses ${label}`, () =>
    assertRefused(() => unpickle(program(text)), sentence).then(() => undefined),
  );
}

/** `make()` runs and must be refused, within a second. */
async function refusedQuickly(make: () => Uint8Array, sentence: RegExp): Promise<void> {
  const bytes = make();
  const clock = process.cpuUsage();
  await assertRefused(() => unpickle(bytes), sentence);
  assert.ok(cpuMilliseconds(clock) < 1000, `took ${cpuMilliseconds(clock)} ms`);
}

pickle('ten million empty lists, marks or dictionaries stop early', async () => {
  for (const opcode of [']', '}', 'N']) {
    await refusedQuickly(() => new Uint8Array(1e7).fill(opcode.charCodeAt(0)), /more steps/);
  }
  await refusedQuickly(() => new Uint8Array(1e7).fill('('.charCodeAt(0)), /nested more than/);
});

pickle('copying one long list again and again stops early', async () => {
  const pair = 'K\x01K\x02\x86';
  const list = `](${pair.repeat(20_000)}eq\x00`;
  const copy = 'ccollections\nOrderedDict\nq\x010';
  await refusedQuickly(() => program(`${list}${copy}(${'h\x01h\x00\x85R'.repeat(50_000)}t.`), /more steps/);
});

pickle('the bytes of a large array of numpy, as protocol 2 writes them, cost nothing', () => {
  const text = `X\xe0\x93\x04\x00${'a'.repeat(300_000)}`;
  const called = `c_codecs\nencode\n(${text}Vlatin1\ntR`;
  const { value } = unpickle(program(`}(Va\n${called}Vb\nI1\nu.`));
  assert.is((value as Map<unknown, unknown>).get('b'), 1);
});

pickle('a list inside itself, or nested doublings, cost nothing', () => {
  assert.ok(Array.isArray(unpickle(program(']q\x00h\x00a.')).value));
  // 2^200 leaves, if anybody walked them.
  assert.ok(Array.isArray(unpickle(program(`]${'q\x00h\x00h\x00\x86'.repeat(200)}.`)).value));
});

// Tensors over a storage of six float32 numbers, in a file of 1000 bytes.
const storage = new StorageRef('float32', '0', 6, null);
const builder = () => new TensorBuilder((key) => (key === '0' ? new Uint8Array(24) : undefined), 1000);
const HUGE = 2 ** 52;

const LYING: [label: string, tensor: TensorRef, sentence: RegExp][] = [
  [
    'a shape beyond the storage',
    new TensorRef(storage, 'float32', 0, [7], [1]),
    /element 6 of a storage of 6/,
  ],
  [
    'an offset beyond the storage',
    new TensorRef(storage, 'float32', 6, [1], [1]),
    /element 6 of a storage of 6/,
  ],
  ['a stride beyond the storage', new TensorRef(storage, 'float32', 0, [2, 2], [5, 1]), /element 6/],
  ['an overflowing stride', new TensorRef(storage, 'float32', HUGE, [3, 3], [HUGE, HUGE]), /reaches element/],
  ['an overflowing shape', new TensorRef(storage, 'float32', 0, [HUGE, HUGE], [0, 0]), /impossible shape/],
  [
    'a wider type than the storage',
    new TensorRef(storage, 'float64', 0, [4], [1]),
    /element 3 of a storage of 3/,
  ],
  [
    'a broadcast of a terabyte',
    new TensorRef(storage, 'float32', 0, [2 ** 20, 2 ** 18], [0, 0]),
    /more memory/,
  ],
  [
    'a storage that claims more than it has',
    new TensorRef(new StorageRef('float32', '0', 7, null), 'float32', 0, [1], [1]),
    /needs 28 bytes of storage 0, which has 24/,
  ],
  [
    'a view beyond its storage',
    new TensorRef(
      new StorageRef('float32', 'v', 6, { key: '0', offset: 1, numel: 6 }),
      'float32',
      0,
      [1],
      [1],
    ),
    /needs 28 bytes/,
  ],
  [
    'a storage that is not there',
    new TensorRef(new StorageRef('float32', '../../etc/passwd', 1, null), 'float32', 0, [1], [1]),
    /does not hold/,
  ],
];

for (const [label, tensor, sentence] of LYING) {
  pickle(`refuses a tensor with ${label}`, () =>
    assertRefused(() => builder().build('weight', tensor), sentence).then(() => undefined),
  );
}

pickle('dimensions of size 1 do not slow a copy down', () => {
  const ones = new Array<number>(62).fill(1);
  const slow = new TensorRef(storage, 'float32', 0, [1000, 4000, ...ones], [0, 0, ...ones]);
  const clock = process.cpuUsage();
  builder().build('expanded', slow);
  assert.ok(cpuMilliseconds(clock) < 1000, `took ${cpuMilliseconds(clock)} ms`);
});

pickle('a thousand small copies of one storage share one budget', async () => {
  const build = builder();
  const column = new TensorRef(storage, 'float32', 0, [1000, 1000], [0, 0]);
  for (let i = 0; i < 4; i++) build.build('expanded', column); // 4 MB each, 16 MiB and the file are allowed
  await assertRefused(() => build.build('expanded', column), /more memory/);
});

pickle('an old view of a storage begins where it says', () => {
  const bytes = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer);
  const view = new StorageRef('float32', 'v', 3, { key: '0', offset: 2, numel: 3 });
  const tensor = new TensorRef(view, 'float32', 1, [2], [1]);
  const built = new TensorBuilder(() => bytes, 24).build('w', tensor);
  assert.equal(new Float32Array(built.bytes.buffer, built.bytes.byteOffset, 2), Float32Array.of(3, 4));
});

pickle.run();
