/** What `train` says while it runs: an estimate after the first steps, a bar, a line for each epoch. A callback. */
import { describeMetrics } from '../../report/report.ts';
import type { Callback, EpochEvent, StepEvent, ValidationEvent } from '../../train/callback.ts';
import type { Checkpoints } from '../../train/callbacks/checkpoints.ts';
import type { Pace } from '../../train/callbacks/pace.ts';
import type { FeaturePass } from '../../train/feature-cache.ts';
import {
  formatNumber,
  formatSeconds,
  type ProgressBar,
  type ProgressOutput,
  progressBar,
  say,
} from '../ui.ts';

export class TrainProgress implements Callback {
  readonly name = 'progress';
  private bar: ProgressBar | null = null;
  /** What the bar counts. */
  private label = '';
  private estimated = false;
  /** The newest pass for which features are computed. */
  private pass: FeaturePass | null = null;

  /**
   * @param checkpoints knows which epoch is the best
   * @param pace knows how fast it goes; both stand before this one among the callbacks
   * @param output of the bar
   * @param trial what the run is called where it is one of many: then there is the bar alone
   */
  constructor(
    private readonly checkpoints: Checkpoints,
    private readonly pace: Pace,
    private readonly output?: ProgressOutput,
    private readonly trial: string | null = null,
  ) {}

  onStep(event: StepEvent): void {
    const { epochs, stepsPerEpoch, epoch, step, meanLoss } = event;
    const left = this.pace.left(event);
    if (left !== null && !this.estimated && this.trial === null)
      this.estimate(this.pace.stepSeconds(epoch)!, left);
    // What compiles takes longer than a bar would let one think.
    if (!this.bar && this.pace.firstStepSeconds === 0) return;
    const rate = this.pace.recentImagesPerSecond;
    const status = [
      `epoch ${epoch + 1}/${epochs}`,
      this.computed(),
      Number.isFinite(meanLoss) ? `loss ${meanLoss.toFixed(3)}` : '',
      rate > 0 ? `${formatNumber(rate)} images/s` : '',
    ];
    this.count('Training', epochs * stepsPerEpoch).update(step, status.filter(Boolean).join('  '), left);
  }

  onValidation(event: ValidationEvent): void {
    const { epochs, validationsPerEpoch, done, progress } = event;
    const status = [`epoch ${progress.epoch + 1}/${epochs}`, this.computed()].filter(Boolean).join('  ');
    this.count('Validating', validationsPerEpoch).update(done, status, this.pace.left(event, done));
  }

  onEpoch({ record, progress, epochs }: EpochEvent): void {
    if (this.trial !== null) return;
    const { epoch, trainLoss, val, trainSeconds, valSeconds } = record;
    const best = this.checkpoints.bestOf(progress.history) === record;
    this.note(
      `Epoch ${epoch}/${epochs}: training loss ${trainLoss.toFixed(3)}` +
        `${val ? `; validation ${describeMetrics(val)}` : ''}${best ? ' (best so far)' : ''}; ` +
        `${formatSeconds(trainSeconds)} + ${formatSeconds(valSeconds)}`,
    );
  }

  onEnd(): void {
    this.bar?.stop();
    this.bar = null;
  }

  /** A pass over pictures whose features are not all there has come further. */
  features(pass: FeaturePass): void {
    this.pass = pass;
  }

  /** How far the features are that are computed now; nothing where none are. */
  private computed(): string {
    if (!this.pass) return '';
    const { computed, reused, pictures } = this.pass;
    return computed + reused < pictures ? `features ${computed + reused}/${pictures}` : '';
  }

  /** Prints a line without breaking the bar. */
  note(line: string): void {
    if (this.bar) this.bar.note(line);
    else say(line);
  }

  /** The bar, counting towards `total`. */
  private count(doing: string, total: number): ProgressBar {
    const label = this.trial === null ? doing : `${this.trial}: ${doing.toLowerCase()}`;
    if (!this.bar) this.bar = progressBar(label, total, this.output);
    else if (label !== this.label) this.bar.turnTo(label, total);
    this.label = label;
    return this.bar;
  }

  /** Says once how long it will take, from steps that compiled nothing. */
  private estimate(each: number, left: number): void {
    this.estimated = true;
    const { recentImagesPerSecond, firstStepSeconds } = this.pace;
    this.note(
      `A step takes ${formatSeconds(each)} (${formatNumber(recentImagesPerSecond)} images/s; the first, with ` +
        `compilation, ${formatSeconds(firstStepSeconds)}), so about ${formatSeconds(left)} are left, validation included.`,
    );
  }
}
