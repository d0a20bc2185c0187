/** Commands that are suggested: they keep every setting of the run, quoted as a shell wants it. */
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCommand } from '../../../src/cli/main.ts';
import { optionsOf, resumeCommand, trainCommand } from '../../../src/cli/train/command.ts';
import {
  phasesFor,
  settingsOf,
  type TrainOptions,
  withClassWeights,
  withMoreEpochs,
} from '../../../src/cli/train/settings.ts';
import { inOrder, scheduleOf, unfreezing } from '../../../src/cli/train/unfreeze-schedule.ts';
import * as train from '../../../src/cli/train.ts';
import { shellWord } from '../../../src/text/shell.ts';
import type { TrainSettings } from '../../../src/train/settings.ts';

const test = suite('cli/train/command');

/** The words of each text as a shell takes it apart. */
function shellWords(...texts: string[]): string[][] {
  const script = texts.map((text) => `printf '%s\\0' ${text} $'\\n'`).join('\n');
  const { stdout } = spawnSync('bash', ['-c', script], { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  return stdout
    .toString()
    .split('\n\0')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1));
}

/** Options as `train` reads them from each command. */
function parsed(...commands: string[]): TrainOptions[] {
  const args = commands.map((command) => command.replace(/^npm run train( -- )?/, ''));
  return shellWords(...args).map((words) => {
    const program = createCommand('train', train);
    program.parse(words, { from: 'user' });
    return program.opts();
  });
}

/** The model and the weights that the options mean, as far as the settings ask. */
const startOf = ({ model = 'efficientnet_lite0', weights, addClasses, teacher }: TrainOptions) => ({
  model,
  teacher: teacher === undefined ? null : { name: teacher, hash: 'of its file' },
  keptClasses: addClasses ? 3 : 0,
  weights: weights === 'none' ? null : (weights ?? (model === 'efficientnet_lite0' ? 'pretrained' : null)),
});
const INPUT = 224;
const CLASSES = ['cat', 'dog, wet', 'a=1', 'a=1,b', '__proto__'];
/** @param newHead whether the weights bring no last layer for the classes along */
function settingsFor(options: TrainOptions, newHead = true): TrainSettings {
  const start = startOf(options);
  const settings = {
    ...settingsOf(options, start, { inputSize: INPUT }),
    phases: phasesFor(options, start.weights, newHead),
  };
  return withClassWeights(settings, options, CLASSES);
}

/** A value for every option of `train` that decides a run's numbers; a new one without a row here fails below. */
const VALUES: Partial<
  Record<
    keyof TrainOptions,
    (string | number | boolean | readonly number[] | readonly string[] | TrainOptions['fold'])[]
  >
> = {
  data: ['pictures', "it's my data/-x", '~/a b', ''],
  fold: [{ index: 2, of: 5 }],
  groupBy: [['folder'], ['similar', "^it's (\\w+)_"]],
  model: ['resnet18', 'efficientnet_lite0'],
  weights: ['none', 'runs/old run/best.safetensors', 'resnet18.a1_in1k'],
  trainFrom: ['all', 'layer4', 'head'],
  trainNorms: [true],
  unfreezeSchedule: ['head:3,layer4:2,all:2', 'layer4:1,all:4'],
  lrDecayPerStage: [0.5, 1],
  addClasses: [true],
  teacher: ['runs/large', "it's"],
  epochs: [1, 7],
  batch: [1, 32, 9],
  lr: [0.02, 3e-3, 1e-5],
  size: [32, 224, [160, 320]],
  fit: ['crop', 'pad'],
  views: [0, 1, 3],
  seed: [0, 3],
  schedule: ['cosine', 'one-cycle', 'plateau', 'constant'],
  warmup: [0, 0.05, 0.5],
  accumulate: [1, 4],
  clip: [1, 0.5],
  average: [true, 0.99, 0],
  patience: [3],
  best: ['loss', 'balanced-accuracy'],
  positive: ['fake', "it's"],
  threshold: [0, 0.25],
  targetPrecision: [0.9],
  targetRecall: [1],
  crop: [0.08, 0.6, 1],
  flip: ['horizontal', 'vertical', 'both', 'none'],
  colorJitter: [0, 0.4],
  erase: [0, 0.25],
  mixup: [0, 0.2],
  cutmix: [0, 1],
  labelSmoothing: [0, 0.1],
  classWeights: ['auto', 'none', 'cat=2', 'dog, wet=0.5,cat=3', 'a=1=2,a=1,b=3,__proto__=1e-3'],
  sampler: ['shuffled', 'balanced'],
};
/** Options that decide where a run goes and what it runs on. */
const OTHERS = [
  'cache',
  'findLr',
  'sanity',
  'seeds',
  'folds',
  'sweep',
  'shard',
  'out',
  'overwrite',
  'resume',
  'memory',
  'adapter',
  'untuned',
  'tensorboard',
  'profile',
  'json',
  'debug',
];

test('every option of train is one of these', () => {
  const names = createCommand('train', train).options.map((option) => option.attributeName());
  assert.equal(names.sort(), [...Object.keys(VALUES), ...OTHERS].sort());
});

test('the help fits two screens: the common options first, the others under headings', () => {
  const command = createCommand('train', train).configureOutput({ getOutHelpWidth: () => 80 });
  const lines = command.helpInformation().trimEnd().split('\n');
  assert.ok(lines.length <= 88, `${lines.length} lines`);
  assert.ok(lines.every((line) => line.length <= 80));
  const headings = lines.filter((line) => /^\S.*:$/.test(line));
  assert.is(headings[0], 'Options:');
  assert.ok(headings.length >= 5, `${headings}`);
});

test('every setting that an option gives comes back out of the command that is suggested', () => {
  const sets: TrainOptions[] = [
    {},
    { data: 'd', weights: 'w.pth', lr: 1, epochs: 2, batch: 3, seed: 4, size: 64 },
  ];
  for (const [name, values] of Object.entries(VALUES))
    for (const value of values)
      for (const rest of [
        {},
        { data: 'd' },
        { model: 'resnet18', weights: 'w.pth' },
        { data: 'd', trainFrom: 'layer4' },
      ])
        sets.push({ ...rest, [name]: value });
  const suggested: { options: TrainOptions; newHead: boolean; settings: TrainSettings; command: string }[] =
    [];
  for (const options of sets)
    for (const newHead of [true, false]) {
      let settings: TrainSettings;
      try {
        settings = settingsFor(options, newHead);
      } catch (error) {
        assert.match(
          (error as Error).message,
          /random weights|has no norms|which trains alone|says what trains|keeps what the network says/,
        );
        continue; // refused from the beginning
      }
      suggested.push({ options, newHead, settings, command: trainCommand(optionsOf(settings)) });
    }
  assert.ok(suggested.length > sets.length);
  for (const [i, typed] of parsed(...suggested.map(({ command }) => command)).entries()) {
    const { options, newHead, settings, command } = suggested[i];
    assert.equal(settingsFor(typed, newHead), settings, `${JSON.stringify(options)}: ${command}`);
  }
});

test('one phase behind the head is named as it is, whether the head is new where the command is typed or not', () => {
  for (const options of [
    { data: 'd', trainFrom: 'layer4', epochs: 1 },
    { data: 'd', unfreezeSchedule: 'layer4:5', lr: 0.1 },
    { data: 'd', model: 'resnet18', weights: 'w.pth', trainFrom: 'all', epochs: 3 },
  ]) {
    const settings = settingsFor(options, false);
    const [typed] = parsed(trainCommand(optionsOf(settings)));
    for (const newHead of [true, false]) assert.equal(settingsFor(typed, newHead), settings);
  }
});

const WEIGHTS: [text: string, outcome: RegExp | object][] = [
  ['cat=2,dog, wet=0.5', { cat: 2, 'dog, wet': 0.5 }],
  ['a=1=2', { 'a=1': 2 }],
  ['a=1,b=2', { 'a=1,b': 2 }],
  ['cats=2', /^--class-weights: there is no class 'cats'; did you mean cat\?$/],
  ['cat=2,dog=1', /there is no class 'dog'; /],
  ['cat', /'cat' is no NAME=WEIGHT; give auto, none, or weights such as cat=2,dog, wet=1$/],
  ['cat=', /'cat=' is no NAME=WEIGHT/],
  ['cat=2,', /'cat=2,' is no NAME=WEIGHT/],
  ['cat=2;a=1=1', /'cat=2;a=1=1' is no NAME=WEIGHT|there is no class/],
  ['', /'' is no NAME=WEIGHT/],
  ['cat=0', /the weight of cat is a number above 0, up to 1,000,000, not 0$/],
  ['cat=-1', /the weight of cat .* not -1$/],
  ['cat=1e9', /not 1e9$/],
  ['cat=e', /not e$/],
  ['cat=1,cat=2', /names cat twice$/],
];
for (const [classWeights, outcome] of WEIGHTS)
  test(`--class-weights '${classWeights}' gives weights, or is refused`, () => {
    const weights = () => settingsFor({ data: 'd', classWeights }).classWeights;
    if (outcome instanceof RegExp) assert.throws(weights, outcome);
    else assert.equal(weights(), outcome);
  });

test('what makes up for unequal classes twice is refused', () => {
  assert.throws(
    () => settingsFor({ data: 'd', classWeights: 'auto', sampler: 'balanced' }),
    /--class-weights auto and --sampler balanced .*together do it twice; leave one of them out/,
  );
});

test('--crop 1 cuts a square about the middle as validation does; the rest of the augmentation stays', () => {
  const augmentation = (options: TrainOptions) => settingsFor(options).augmentation;
  assert.equal(augmentation({ data: 'd', crop: 1 }), { scale: [1, 1], ratio: [1, 1] });
  assert.equal(augmentation({ data: 'd', crop: 0.2, erase: 0.5 }), { scale: [0.2, 1], erase: 0.5 });
  assert.equal(augmentation({ crop: 0.2 }), { scale: [0.2, 1] });
  assert.equal(augmentation({ data: 'd', flip: 'none' }), { scale: [0.6, 1], flip: 0 });
  const { colorJitter } = augmentation({ data: 'd', colorJitter: 0.4 });
  assert.equal(colorJitter, { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 });
});

const SCHEDULES: [options: TrainOptions, outcome: RegExp | [string, number, number][]][] = [
  [
    { unfreezeSchedule: 'head:3, layer4:2,all:1' },
    [
      ['head', 3, 3e-3],
      ['layer4', 2, 1e-3],
      ['all', 1, 1e-3],
    ],
  ],
  [
    { unfreezeSchedule: 'layer4:2,all:2', lr: 0.5 },
    [
      ['layer4', 2, 0.5],
      ['all', 2, 0.5],
    ],
  ],
  [
    { unfreezeSchedule: 'head' },
    /'head' is no STAGE:EPOCHS with a whole number from 1 on; .*head:3,all:2 trains/,
  ],
  [{ unfreezeSchedule: 'head:0' }, /'head:0' is no STAGE:EPOCHS/],
  [{ unfreezeSchedule: 'head:2,' }, /'' is no STAGE:EPOCHS/],
  [{ unfreezeSchedule: 'head:1.5' }, /'head:1.5' is no STAGE:EPOCHS/],
  [
    { unfreezeSchedule: 'head:1,all:1', epochs: 3 },
    /says what trains and for how many epochs; leave out --epochs/,
  ],
  [{ unfreezeSchedule: 'head:1,all:1', trainFrom: 'all' }, /leave out --train-from/],
  [{ unfreezeSchedule: 'head:1,all:1', weights: 'none' }, /--unfreeze-schedule would freeze random weights/],
];
for (const [options, outcome] of SCHEDULES)
  test(`${JSON.stringify(options)} makes phases, or is refused`, () => {
    const phases = () => settingsFor({ data: 'd', ...options }).phases;
    if (outcome instanceof RegExp) assert.throws(phases, outcome);
    else
      assert.equal(
        phases().map(({ trainFrom, epochs, lr }) => [trainFrom, epochs, lr]),
        outcome,
      );
  });

test('a schedule goes from the last stage towards the input', () => {
  const trains = (stage: string): number => ['head', 'layer4', 'layer3', 'all'].indexOf(stage);
  inOrder(unfreezing('head:1,layer3:1,all:1'), trains);
  for (const schedule of ['layer4:1,head:1', 'head:1,head:2', 'head:1,all:1,layer3:2'])
    assert.throws(
      () => inOrder(unfreezing(schedule), trains),
      /lets nothing more train; name stages from the last/,
    );
  assert.is(scheduleOf(unfreezing('head:1,head:2,all:1')), 'head:3,all:1');
});

test('what the defaults give is left out', () => {
  assert.is(trainCommand(optionsOf(settingsFor({}))), 'npm run train');
  assert.is(
    trainCommand(optionsOf(settingsFor({ data: 'a b' }))),
    "npm run train -- --data 'a b' --size 224",
  );
  assert.is(
    trainCommand({ ...optionsOf(settingsFor({ data: 'd', lr: 0.1, seed: 2 })), trainFrom: 'blocks.6' }),
    'npm run train -- --data d --lr 0.1 --size 224 --seed 2 --train-from blocks.6',
  );
});

test('a run goes on with its adapter and its memory', () => {
  assert.is(
    resumeCommand('my runs/1', { adapter: 'llvm pipe', memory: 2, data: 'd', lr: 1 }),
    "npm run train -- --resume 'my runs/1' --adapter 'llvm pipe' --memory 2",
  );
});

const WORDS = [
  'plain/path-1.2',
  '',
  ' ',
  "it's",
  '~',
  '~/x',
  'a~b',
  '=x',
  '-x',
  '$HOME',
  '`x`',
  'a;b',
  '*',
  'é 犬',
];
const UNPRINTABLE = ['a\nb', 'tab\there', '\u001b[2J', "\r'\\", '\u202egnp.exe'];
test('words arrive as they are, whatever they hold', () => {
  const words = [...WORDS, ...UNPRINTABLE];
  assert.equal(shellWords(words.map(shellWord).join(' ')), [words]);
  for (const word of words) assert.not.match(shellWord(word), /[\p{Cc}\u202e]/u);
});

test('a finished run goes on beyond its end with a phase like its last one, and nothing else does', () => {
  const base = settingsFor({ data: 'd', trainFrom: 'layer4', epochs: 4 });
  const [first, second] = base.phases;
  const done = { done: 4, finished: true };
  assert.is(withMoreEpochs(base, done, undefined), base);
  const more = withMoreEpochs(base, done, 6);
  assert.equal(more.phases, [first, second, { ...second, epochs: 2 }]);
  const yet = withMoreEpochs(more, { done: 6, finished: true }, 7);
  assert.equal(yet.phases, [...more.phases, { ...second, epochs: 1 }]);
  // One that was finished early goes on from there.
  const early = withMoreEpochs(base, { done: first.epochs + 1, finished: true }, 9);
  assert.equal(early.phases, [first, { ...second, epochs: 1 }, { ...second, epochs: 9 - first.epochs - 1 }]);
  assert.throws(() => withMoreEpochs(base, done, 4), /has 4 epochs already; --epochs 5 or more adds/);
  const underWay = { done: 1, finished: false };
  assert.throws(() => withMoreEpochs(base, underWay, 6), /is in epoch 2 of 4/);
  assert.is(withMoreEpochs(base, underWay, 4), base);
});

test.run();
