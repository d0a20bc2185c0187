/**
 * Writes the report when a run ends: a callback over `fit`. The report is of the whole run, whatever number of processes it
 * took, and of one network, that of the best epoch.
 */
import type { Preprocessing } from '../data/transforms.ts';
import { demand, object, whole } from '../text/rules.ts';
import type { Callback, CallbackState, EndEvent, EpochEvent } from '../train/callback.ts';
import type { Checkpoints } from '../train/callbacks/checkpoints.ts';
import type { LossTracer } from '../train/callbacks/loss-trace.ts';
import type { Pace } from '../train/callbacks/pace.ts';
import type { RunAnswers, RunEvaluations } from '../train/evaluation/headline.ts';
import type { Inference } from '../train/infer.ts';
import { isValidated } from '../train/progress.ts';
import { makeReport, type Report, type ReportContext, writeReport } from './report.ts';

export interface RunReportOptions {
  /** What the loop does not know of the run; asked at its end. */
  describe(): Omit<
    ReportContext,
    'finished' | 'seconds' | 'firstStepSeconds' | 'imagesPerSecond' | 'peakBytes'
  >;
  /** Which epoch was the best, the losses, the times. */
  checkpoints: Checkpoints;
  tracer: LossTracer;
  pace: Pace;
  preprocessing: Preprocessing;
  /** Where a file of the run goes. */
  place: (file: string) => Promise<string>;
  /** What best.safetensors says to the validation pictures: asked where another process had the best epoch. */
  bestAnswers: () => Promise<Inference | null>;
  /** What it says to the pictures that were held out; null where there are none. */
  testAnswers: () => Promise<Inference | null>;
  /** What these answers are worth. */
  evaluate: (answers: RunAnswers, epochs: number) => RunEvaluations;
  /** Most bytes of GPU memory in use at a time in this process. */
  peakBytes: () => number;
}

export class RunReport implements Callback {
  readonly name = 'report';
  /** What was written; null before the end, and where the run failed. */
  report: Report | null = null;
  private answers: Inference | null = null;
  /** Of the processes before. */
  private peakBefore = 0;

  constructor(private readonly options: RunReportOptions) {}

  onEpoch({ record, progress, answers }: EpochEvent): void {
    if (this.options.checkpoints.bestOf(progress.history) === record) this.answers = answers;
  }

  async onEnd({ finished, error, progress, stepsPerEpoch }: EndEvent): Promise<void> {
    if (error !== undefined) return;
    const { describe, checkpoints, tracer, pace, preprocessing, place } = this.options;
    const { bestAnswers, testAnswers, evaluate } = this.options;
    const best = checkpoints.bestOf(progress.history);
    const { seconds, firstStepSeconds, imagesPerSecond } = pace;
    if (finished && best) this.answers ??= await bestAnswers();
    const test = finished && best ? await testAnswers() : null;
    const epochs = progress.history.filter(isValidated);
    const figures = {
      epochs,
      best: best && isValidated(best) ? best : null,
      trace: tracer.points(),
      answers: this.answers,
      evaluations: evaluate({ val: this.answers, test }, epochs.length),
    };
    const times = { seconds, firstStepSeconds, imagesPerSecond };
    this.report = makeReport({ ...describe(), finished, ...times, peakBytes: this.peakBytes }, figures);
    await writeReport(this.report, figures, stepsPerEpoch, preprocessing, place);
  }

  state(): CallbackState {
    return { json: { peakBytes: this.peakBytes } };
  }

  restore({ json }: CallbackState): void {
    demand(object({ peakBytes: whole(0, Number.MAX_SAFE_INTEGER) }), json, 'the state of report');
    this.peakBefore = (json as { peakBytes: number }).peakBytes;
  }

  private get peakBytes(): number {
    return Math.max(this.peakBefore, this.options.peakBytes());
  }
}
