/** Where in a step a reader is, and what moves them on: play, pause, a moment on or back, a phase. */
import { computed, signal } from '@preact/signals';
import type { StepSeen } from '../../step.ts';
import { courseOf, type Moment, PHASES, type PhaseName } from './course.ts';

/** Milliseconds that a phase of many layers takes, those of a moment at least and at most, and of one with much to read. */
const PHASE = 6000;
const [QUICKEST, SLOWEST] = [90, 900];
const TO_READ = 4000;

export class Player {
  readonly moments: readonly Moment[];
  readonly at = signal(0);
  readonly playing = signal(false);
  readonly moment = computed((): Moment => this.moments[this.at.value]!);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(seen: StepSeen) {
    this.moments = courseOf(seen);
  }

  get last(): number {
    return this.moments.length - 1;
  }

  /** Goes to a moment; past an end, to that end. */
  go(to: number): void {
    this.at.value = Math.min(this.last, Math.max(0, to));
  }

  /** The same by who looks for themselves: it no longer plays. */
  take(to: number): void {
    this.pause();
    this.go(to);
  }

  /** To where a phase begins. */
  begin(phase: PhaseName): void {
    this.take(this.moments.findIndex((moment) => moment.phase === phase));
  }

  toggle(): void {
    if (this.playing.value) {
      this.pause();
      return;
    }
    if (this.at.value === this.last) this.go(0);
    this.playing.value = true;
    this.wait();
  }

  pause(): void {
    clearTimeout(this.timer);
    this.playing.value = false;
  }

  private wait(): void {
    this.timer = setTimeout(() => {
      this.go(this.next());
      if (this.at.value === this.last) this.pause();
      else this.wait();
    }, this.pace());
  }

  /** The moment that follows; where motion is to be reduced, the end of the phase or of the next one. */
  private next(): number {
    const { phase } = this.moment.value;
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) return this.at.value + 1;
    const end = this.endOf(phase);
    return end > this.at.value ? end : this.endOf(PHASES[PHASES.indexOf(phase) + 1]!);
  }

  private endOf(phase: PhaseName): number {
    return this.moments.findLastIndex((moment) => moment.phase === phase);
  }

  private pace(): number {
    const { phase, layer } = this.moment.value;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (layer === null || still || this.at.value === this.endOf(phase)) return TO_READ;
    const own = this.moments.filter((moment) => moment.phase === phase).length;
    return Math.min(SLOWEST, Math.max(QUICKEST, PHASE / own));
  }
}
