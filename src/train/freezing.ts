/**
 * What freezing saves: the stages of a run with their rates, phase by phase, and what a step takes against one in which
 * everything trains. Counted before the first step (preflight.ts), measured after the last one
 * (callbacks/freezing-meter.ts).
 *
 *   counted    multiply-adds and bytes: exact, the kernels' own counts on a device that computes nothing
 *   measured   seconds; before there are any, a step's time is taken to go with its multiply-adds, an estimate
 */
import type { Model } from '../nn/index.ts';
import { distanceOf, freezeFor, rateOf } from './from-settings.ts';
import type { StepCost } from './preflight.ts';
import type { PhaseSettings, TrainSettings } from './settings.ts';

/** Plain JSON, in report.json. */
export interface FreezingFigures {
  /** One for each phase of the run, in order. */
  phases: FreezingPhase[];
  /**
   * A step in which everything trains, norms included; null where nothing is frozen in any phase, or an adapter's limit
   * ends such a step.
   */
  everything: StepWork | null;
}

export interface FreezingPhase {
  /** First and last epoch, counted from 1. */
  epochs: [first: number, last: number];
  stages: StageState[];
  /** Whether batch norms stay as they are in stages of which the rest trains. */
  frozenNorms: boolean;
  /** A step of the phase; null where an adapter's limit ends it. */
  step: StepWork | null;
  /** Seconds of a step of the run, loading included, a mean of its epochs; null before one is done. */
  runSeconds: number | null;
}

/** A stage in a phase. */
export interface StageState {
  stage: string;
  /** Values, and how many of them train. */
  parameters: number;
  trainable: number;
  /** The highest learning rate of what trains; null where nothing does. */
  rate: number | null;
}

/** What a step takes. */
export interface StepWork {
  /** Counted: half the floating-point operations of forward pass, backward pass and update. */
  multiplyAdds: number;
  /** Counted: the most bytes in use at a moment. */
  peakBytes: number;
  /** Measured: seconds of a step alone, without loading; null where it was not measured. */
  seconds: number | null;
}

/**
 * The figures of a run before its first step.
 * @param model the network, on any device; what trains in it is that of the last phase afterwards
 * @param costs of the phases' steps, `everything` of one with everything training; none where they are not known
 */
export function plannedFreezing(
  model: Model,
  settings: Pick<TrainSettings, 'phases' | 'trainNorms' | 'lrDecayPerStage' | 'keptClasses'>,
  costs: readonly StepCost[],
  everything: StepCost | null,
): FreezingFigures {
  let first = 1;
  const phases = settings.phases.map((phase, index): FreezingPhase => {
    const { frozenNorms } = freezeFor(model, { ...settings, ...phase });
    const epochs: [number, number] = [first, first + phase.epochs - 1];
    first += phase.epochs;
    const cost = costs[index];
    return {
      epochs,
      stages: stagesIn(model, phase, settings),
      frozenNorms,
      step: cost ? workOf(cost) : null,
      runSeconds: null,
    };
  });
  return { phases, everything: everything && workOf(everything) };
}

function stagesIn(
  model: Model,
  phase: PhaseSettings,
  settings: Pick<TrainSettings, 'lrDecayPerStage' | 'keptClasses'>,
): StageState[] {
  const stages = new Map<string, StageState>(
    model.stages.map((stage) => [stage, { stage, parameters: 0, trainable: 0, rate: null }]),
  );
  for (const [name, { size, requiresGrad }] of model.namedParameters()) {
    const state = stages.get(model.stageOf(name))!;
    state.parameters += size;
    if (!requiresGrad) continue;
    const head = model.isHead(name);
    state.trainable += head ? size - (size * settings.keptClasses) / model.numClasses : size;
    const group = { head, distance: distanceOf(model, name) };
    state.rate = Math.max(state.rate ?? 0, rateOf(group, phase, settings));
  }
  return [...stages.values()];
}

const workOf = ({ flops, peakBytes }: StepCost): StepWork => ({
  multiplyAdds: flops / 2,
  peakBytes,
  seconds: null,
});
