/**
 * Every field of a checkpoint's description and of a card, with every wrong kind of value in its place: a sentence that
 * names the file and the field, or a value that may stand there; never a crash, and nothing is allocated from a claim.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CheckpointInfo, infoIn } from '../../../src/train/checkpoint-info.ts';
import { trainedIn } from '../../../src/train/from-settings.ts';
import { noProgress } from '../../../src/train/progress.ts';
import { BEFORE, trainsOf } from '../../../src/train/settings.ts';
import { cardMetadata, readCard } from '../../../src/weights/card.ts';
import { shapeBuilder } from '../../../src/weights/expected.ts';
import { WeightsError } from '../../../src/weights/formats/error.ts';
import { type Edit, withstands } from '../../helpers/hostile.ts';
import { PREPROCESSING } from '../tiny.ts';

const test = suite('train: damaged descriptions');

const metrics = {
  count: 3,
  loss: 0.1,
  accuracy: 0.5,
  largestShare: 0.5,
  balancedAccuracy: 0.5,
  macroF1: 0.5,
  auc: 0.5,
};
const INFO = {
  format: 5,
  model: 'resnet18',
  classes: ['ant', 'bee'],
  preprocessing: PREPROCESSING,
  epoch: 1,
  step: 7,
  seed: 5,
  metrics,
  settings: {
    ...BEFORE,
    data: 'pictures',
    model: 'resnet18',
    weights: 'pretrained',
    phases: [
      { trainFrom: 'head', epochs: 1, lr: 0.01, backboneFactor: 0.1 },
      { trainFrom: 'layer4', epochs: 1, lr: 0.01, backboneFactor: 0.1 },
    ],
    trainNorms: false,
    batch: 4,
    ...BEFORE,
    weightDecay: 0.01,
    decayNorms: false,
    labelSmoothing: 0.1,
    warmup: 0.05,
    size: 32,
    augmentation: { scale: [0.6, 1] as [number, number], ratio: [0.75, 1.5] as [number, number], flip: 0.5 },
    seed: 5,
    teacher: { name: 'runs/large', hash: 'abc' },
  },
  pictures: 'abc',
  decision: { positive: 'bee', threshold: 0.5, by: 'recall', target: 0.9, on: 'val', pictures: 4 },
  progress: {
    ...noProgress(),
    epoch: 1,
    finished: 'early',
    history: [{ epoch: 1, trainLoss: 1, val: metrics, trainSeconds: 1, valSeconds: 1 }],
  },
  sealed: true,
  callbacks: {
    checkpoints: { best: 0 },
    'loss-trace': { every: 1, sums: [0.5], last: 1 },
    pace: { seconds: 1, pictures: 2, trainSeconds: 0.5, firstStepSeconds: 0.1 },
    unreadable: [3],
    'weight-average': { updates: 3 },
  },
} satisfies CheckpointInfo;

type Path = (string | number)[];

/** Every place inside a value. */
function* places(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value))
    yield* places(item, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** A copy of `value` with something else at a place; undefined takes it away. */
function changed(value: unknown, [first, ...rest]: Path, to: unknown): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[first] = rest.length === 0 ? to : changed(copy[first], rest, to);
  return copy;
}

const shown = (path: Path): string =>
  path.map((key, at) => (typeof key === 'number' ? `[${key}]` : at === 0 ? key : `.${key}`)).join('');

const deep = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`);
const WRONG: unknown[] = [
  undefined,
  null,
  true,
  '4',
  '',
  'no such thing',
  '\u001b[2J',
  'x'.repeat(100_000),
  0,
  -1,
  0.5,
  1e15,
  1e300,
  -1e300,
  [],
  {},
  [[]],
  deep,
  Array.from({ length: 100_001 }, () => 1),
  { length: 3, 0: 1 },
];

/** Which values pass where: another name, another number, a field that may be missing or null. */
const MAY_STAND: [place: RegExp, values: (value: unknown) => boolean][] = [
  [
    /^(model|pictures|classes\[\d\]|settings\.(model|weights|data|positive|teacher\.\w+|phases\[\d\]\.trainFrom)|progress\.finished)$/,
    (value) => typeof value === 'string',
  ],
  [
    /^(metrics|settings\.(data|fold|weights|teacher|clip|average|patience|best|positive|threshold|target\w+)|decision\.(target|on|pictures)|progress\.history\[0\]\.val)$/,
    (value) => value === null,
  ],
  [
    /^(progress|callbacks|sealed|decision|progress\.finished|callbacks\.[\w-]+|settings\.(groupBy|fold)|.*\.(auc|largestShare|balancedAccuracy|macroF1)|settings\.augmentation\.\w+)$/,
    (value) => value === undefined,
  ],
  [
    /^(settings\.(augmentation|classWeights)|callbacks)$/,
    (value) => typeof value === 'object' && !Array.isArray(value),
  ],
  [/^(settings\.trainNorms|settings\.decayNorms)$/, (value) => value === true],
  [/./, (value) => typeof value === 'number'],
  [/^callbacks\.(loss-trace\.sums|unreadable)$/, (value) => Array.isArray(value) && value.length === 0],
  [/^settings\.groupBy$/, (value) => Array.isArray(value) && value.length === 0],
  [/^callbacks\.unreadable$/, (value) => Array.isArray(value) && value.every((one) => one === 1)],
  [/^sealed$/, (value) => value === true],
];

/** Numbers that pass nowhere but where they are meant. */
const NEVER: [place: RegExp, value: number][] = [
  [/std\[\d\]$/, 0],
  [/std\[\d\]$/, -1],
  [/Size$|\.size$|settings\.batch$|epochs$/, 0],
  [/Size$|\.size$|settings\.batch$/, 1e15],
  [/./, 1e300],
];

const build = await shapeBuilder();
const model = build('resnet18', { numClasses: 2 });

for (const path of places(INFO)) {
  const place = shown(path);
  test(`a checkpoint with something else at ${place}`, () => {
    for (const value of WRONG) {
      const json = JSON.stringify(changed(INFO, path, value));
      let info: CheckpointInfo;
      try {
        info = infoIn('runs/x/last.safetensors', json);
      } catch (error) {
        const { name, message } = error as Error;
        assert.is(name, 'InputError', `${message}`);
        assert.match(message, /^runs\/x\/last\.safetensors (is damaged: |was written by a newer version)/);
        const field = place.split(/[.[]/)[0];
        assert.ok(message.includes(field) || message.includes('brackets'), `${place}: ${message}`);
        assert.ok(message.length < 400, message);
        continue;
      }
      const may = MAY_STAND.some(([where, passes]) => where.test(place) && passes(value));
      const never = NEVER.some(([where, number]) => where.test(place) && number === value);
      assert.ok(
        may && (!never || /loss|lossSum|trainLoss|econds|sums|mean|pace/.test(place)),
        `${place}: ${JSON.stringify(value)?.slice(0, 40)} passed`,
      );
      // What passes is used: a stage that does not exist is a sentence there.
      try {
        trainedIn(model, trainsOf(info.settings));
      } catch (error) {
        assert.match((error as Error).message, /^there is no stage /);
      }
    }
  });
}

const CROSS: [label: string, path: Path, value: unknown, sentence: RegExp][] = [
  [
    'a batch and a size that fit each alone',
    ['settings', 'batch'],
    2 ** 24,
    /settings\.batch is a whole number from 1 to 1,048,576, not 16777216/,
  ],
  ['more epochs than records', ['progress', 'epoch'], 2, /progress\.history is a list of 2, not a list of 1/],
  [
    'no deviation',
    ['preprocessing', 'std'],
    [0.5, 0, 0.5],
    /preprocessing\.std\[1\] is a number from 0\.001 to 1,000, not 0/,
  ],
  [
    'a resize without end',
    ['preprocessing', 'resizeSize'],
    65_535,
    /preprocessing\.resizeSize is a whole number from 1 to 8,192, not 65535/,
  ],
  [
    'a threshold of a class that there is not',
    ['decision', 'positive'],
    'wasp',
    /decision\.positive is the name of one of its classes, not 'wasp'/,
  ],
  [
    'a batch in words',
    ['settings', 'batch'],
    '4',
    /settings\.batch is a whole number .*, not '4'\. Take the other checkpoint/,
  ],
];
for (const [label, path, value, sentence] of CROSS)
  test(label, () =>
    assert.throws(() => infoIn('last.safetensors', JSON.stringify(changed(INFO, path, value))), sentence),
  );

test('the description itself is nothing, too long, or no JSON', () => {
  for (const json of ['', '{', 'null', '5', '[]', `${'['.repeat(1e6)}`, `"${'x'.repeat(9 << 20)}"`])
    assert.throws(() => infoIn('last.safetensors', json), /^last\.safetensors is damaged: its description /);
});

/** Another value for one in the text, which stays JSON. */
const otherValue: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.nat(1000),
    fc.constantFrom('0', '-1', '1e999', '65535', '"4"', 'null', 'true', '[]', '{}', '[[1]]'),
  )
  .map(
    ([which, value]): Edit =>
      (bytes) => {
        const json = Buffer.from(bytes).toString('latin1');
        const values = [...json.matchAll(/(?<=[:,[])(?:"[^"]*"(?!:)|[-\w.]+)/g)];
        const one = values[which % values.length];
        if (!one) return bytes;
        const after = json.slice(one.index + one[0].length);
        return new Uint8Array(Buffer.from(json.slice(0, one.index) + value + after, 'latin1'));
      },
  );

test('mutated descriptions: a sentence, or a description', () =>
  withstands({
    name: 'description of a checkpoint',
    seeds: [{ bytes: new TextEncoder().encode(JSON.stringify(INFO)) }],
    files: 2000,
    structured: otherValue,
    stages: ['json', 'fields', 'read'],
    header: 'json',
    read: (bytes) => infoIn('file', new TextDecoder().decode(bytes)),
    refused: (error) => {
      const { message } = error as Error;
      if (!/^file (is damaged: |was written by a newer version)/.test(message)) return null;
      return /its description is no JSON/.test(message) ? 'json' : 'fields';
    },
    allowance: 16 * 2 ** 20,
  }));

const CARD = {
  model: { name: 'efficientnet_lite0', options: { padding: 'same', normEps: 0.001 } },
  preprocessing: PREPROCESSING,
  classes: ['ant', 'bee'],
} as const;
for (const path of places(CARD)) {
  const place = shown(path);
  test(`a card with something else at ${place}`, () => {
    for (const value of WRONG) {
      const card = changed(CARD, path, value) as Record<string, unknown>;
      const metadata = cardMetadata({});
      for (const [key, item] of Object.entries(card))
        if (item !== undefined) metadata[`tessera.${key}`] = JSON.stringify(item);
      try {
        readCard(metadata, 'net.safetensors');
      } catch (error) {
        assert.instance(error, WeightsError);
        const { message } = error as Error;
        assert.match(
          message,
          new RegExp(`^net\\.safetensors describes itself wrongly: tessera\\.${path[0]}`),
        );
        assert.ok(message.length < 400, message);
        continue;
      }
      const text = typeof value === 'string' && /^(model\.name|classes\[\d\])$/.test(place);
      const gone = value === undefined && /^(model|preprocessing|classes|model\.options\.\w+)$/.test(place);
      const number = typeof value === 'number' && /Size|mean|std|normEps/.test(place);
      const none = place === 'model.options' && typeof value === 'object' && !Array.isArray(value);
      assert.ok(text || gone || number || none, `${place}: ${JSON.stringify(value)?.slice(0, 40)} passed`);
    }
  });
}

test.run();
