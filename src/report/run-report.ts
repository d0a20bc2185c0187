/** Writes the report when a run ends: a callback over `fit`. */
import type { Preprocessing } from '../data/transforms.ts';
import type { Callback, EndEvent, EpochEvent } from '../train/callback.ts';
import type { Checkpoints } from '../train/callbacks/checkpoints.ts';
import type { LossTracer } from '../train/callbacks/loss-trace.ts';
import type { Inference } from '../train/infer.ts';
import { isValidated } from '../train/progress.ts';
import { makeReport, type Report, type ReportContext, writeReport } from './report.ts';

export interface RunReportOptions {
  /** What the loop does not know of the run; asked at its end. */
  describe(): Omit<ReportContext, 'finished'>;
  /** Which epoch was the best, and the losses. */
  checkpoints: Checkpoints;
  tracer: LossTracer;
  preprocessing: Preprocessing;
}

export class RunReport implements Callback {
  readonly name = 'report';
  /** What was written; null before the end, and where the run failed. */
  report: Report | null = null;
  private answers: Inference | null = null;

  constructor(private readonly options: RunReportOptions) {}

  onEpoch({ answers }: EpochEvent): void {
    this.answers = answers;
  }

  async onEnd({ finished, error, progress, stepsPerEpoch }: EndEvent): Promise<void> {
    if (error !== undefined) return;
    const { describe, checkpoints, tracer, preprocessing } = this.options;
    const epochs = progress.history.filter(isValidated);
    const best = checkpoints.bestOf(progress.history);
    const figures = {
      epochs,
      best: best && isValidated(best) ? best : null,
      trace: tracer.points(),
      answers: this.answers,
    };
    this.report = makeReport({ ...describe(), finished }, figures);
    await writeReport(this.report, figures, stepsPerEpoch, preprocessing);
  }
}
