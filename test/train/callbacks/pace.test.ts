/** The time that a run takes and has left: one source for the bar, the estimate and the report, over all its processes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TrainProgress } from '../../../src/cli/train/progress.ts';
import type { EpochEvent, RunEvent, StepEvent, ValidationEvent } from '../../../src/train/callback.ts';
import { Checkpoints } from '../../../src/train/callbacks/checkpoints.ts';
import { Pace } from '../../../src/train/callbacks/pace.ts';
import { UnreadablePictures } from '../../../src/train/callbacks/unreadable.ts';
import { noProgress } from '../../../src/train/progress.ts';

const test = suite('train/pace');

const [EPOCHS, STEPS, VALIDATIONS, PICTURES] = [3, 20, 5, 8];
/** Milliseconds: of the steps that compile, of the others, of a validation batch, of a save. */
const TIMES = { first: 4000, step: 1000, validation: 2500, save: 300 };
/** What all of it takes, in seconds; the second event comes when the first step is done. */
const WHOLE =
  (2 * TIMES.first +
    (EPOCHS * STEPS - 2) * TIMES.step +
    EPOCHS * (VALIDATIONS * TIMES.validation + TIMES.save)) /
  1000;

/** A run on a clock that a test turns; `end` says after which step of which epoch the process ends. */
function play(end = { epoch: EPOCHS, batch: 0 }, from: { epoch: number; state: object } | null = null) {
  const clock = { time: 0 };
  const now = () => clock.time;
  const lines: { time: number; text: string }[] = [];
  const stream = { write: (text: string) => lines.push({ time: clock.time, text }) };
  const pace = new Pace({ validationCost: () => 2.4, now });
  const checkpoints = new Checkpoints(async () => undefined);
  const terminal = new TrainProgress(checkpoints, pace, { stream, now });
  // Notes before there is a bar go to stderr.
  terminal.note = (text) => lines.push({ time: clock.time, text });
  const progress = { ...noProgress(), epoch: from?.epoch ?? 0 };
  const run = {
    epochs: EPOCHS,
    stepsPerEpoch: STEPS,
    validationsPerEpoch: VALIDATIONS,
    progress,
  } as unknown as RunEvent;
  if (from) pace.restore({ json: from.state });
  pace.onStart();
  let taken = 0;
  for (; progress.epoch < EPOCHS; Object.assign(progress, { epoch: progress.epoch + 1, batch: 0 })) {
    const { epoch } = progress;
    for (let batch = 0; batch < STEPS; batch++) {
      if (epoch === end.epoch && batch === end.batch) return { pace, lines, clock };
      progress.batch = batch;
      clock.time += taken++ < 2 ? TIMES.first : TIMES.step;
      const event = { ...run, step: epoch * STEPS + batch + 1, epoch, pictures: PICTURES, meanLoss: 1 };
      pace.onStep(event as unknown as StepEvent);
      terminal.onStep(event as unknown as StepEvent);
    }
    progress.batch = STEPS;
    for (let done = 1; done <= VALIDATIONS; done++) {
      clock.time += TIMES.validation;
      const event = { ...run, done } as ValidationEvent;
      pace.onValidation(event);
      terminal.onValidation(event);
    }
    progress.history.push({ epoch: epoch + 1, trainLoss: 1, val: null, trainSeconds: 1, valSeconds: 1 });
    pace.onEpoch();
    terminal.onEpoch({ ...run, record: progress.history.at(-1) } as unknown as EpochEvent);
    clock.time += TIMES.save;
    pace.onSave();
  }
  return { pace, lines, clock };
}

const secondsIn = (text: string): number => {
  const [, minutes, whole, short] = /(?:(\d+) min (\d+) s|([\d.]+) s) (?:are )?left/.exec(text) ?? [];
  return short === undefined ? 60 * Number(minutes) + Number(whole) : Number(short);
};

test('the bar and the sentence say the same time, and it is right', () => {
  const { lines, clock } = play();
  const sentence = lines.find(({ text }) => text.startsWith('A step takes'))!;
  assert.match(
    sentence.text,
    'A step takes 1.0 s (8 images/s; the first, with compilation, 8.0 s), so about',
  );
  const timed = lines.filter(({ text }) => / left/.test(text));
  assert.ok(timed.length > 5);
  for (const { time, text } of timed) {
    const really = (clock.time - time) / 1000;
    // A validation batch is guessed at first, a save at nothing.
    assert.ok(Math.abs(secondsIn(text) - really) < 4, `${text} (${really} s)`);
  }
  assert.is(clock.time / 1000, WHOLE);
});

test('validation is called so, and counts its own batches', () => {
  const { lines } = play();
  const counts = lines.map(({ text }) => /^(\w+) (\d+)\/(\d+) .*epoch (\d)\/3/.exec(text)).filter(Boolean);
  const labels = new Map(counts.map((match) => [match![1], match![3]]));
  assert.equal([...labels].sort(), [
    ['Training', `${EPOCHS * STEPS}`],
    ['Validating', `${VALIDATIONS}`],
  ]);
  for (const match of counts) assert.ok(Number(match![2]) <= Number(match![3]), match![0]);
});

test('a report’s time is that of all processes, and its pictures a second too', () => {
  const whole = play();
  assert.is(whole.pace.seconds, WHOLE);
  assert.is(whole.pace.imagesPerSecond, PICTURES);
  assert.is(whole.pace.firstStepSeconds, 8);
  const first = play({ epoch: 1, batch: 0 });
  const state = first.pace.state().json as { seconds: number };
  const second = play(undefined, { epoch: 1, state });
  assert.is(second.pace.seconds, state.seconds + second.clock.time / 1000);
  assert.is(second.pace.firstStepSeconds, 8);
  assert.is(second.pace.imagesPerSecond, PICTURES);
});

test('nothing is said before steps were measured that compile nothing', () => {
  const { lines } = play({ epoch: 0, batch: 4 });
  assert.not(lines.some(({ text }) => / left/.test(text)));
});

const DAMAGED: unknown[] = [undefined, null, 5, {}, { seconds: '1' }, { seconds: -1, pictures: 1 }];
test('a damaged state is refused in a sentence', () => {
  for (const json of DAMAGED) assert.throws(() => new Pace().restore({ json }), /the state of pace\b/);
  for (const json of [undefined, {}, ['a'], [-1]])
    assert.throws(() => new UnreadablePictures([]).restore({ json }), /the state of unreadable/);
});

test('a picture that cannot be read counts once, over all processes', () => {
  const samples = ['a', 'b', 'c'].map((file) => ({ file, label: 0 }));
  const first = new UnreadablePictures(samples);
  assert.equal([first.add(samples[2]), first.add(samples[2]), first.add(samples[0])], [true, false, true]);
  const second = new UnreadablePictures(samples);
  second.restore(first.state());
  assert.equal([second.add(samples[2]), second.add(samples[1]), second.count], [false, true, 3]);
});

test.run();
