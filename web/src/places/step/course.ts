/** A step as a course of moments, one after the other: each layer forward, the loss, each layer backward, each update, what came of it. */
import type { StepSeen } from '../../step.ts';

export const PHASES = ['forward', 'loss', 'backward', 'update', 'after'] as const;
export type PhaseName = (typeof PHASES)[number];

export interface Moment {
  phase: PhaseName;
  /** The layer that it is about, by its number in the order of the forward pass; null for the loss and the end. */
  layer: number | null;
}

export function courseOf({ layers }: StepSeen): Moment[] {
  const places = [...layers.keys()];
  const first = firstLearning(layers);
  const about = (phase: PhaseName, which: readonly number[]): Moment[] =>
    which.map((layer) => ({ phase, layer }));
  return [
    ...about('forward', places),
    { phase: 'loss', layer: null },
    ...about('backward', places.slice(first).reverse()),
    ...about(
      'update',
      places.filter((place) => layers[place]!.learns),
    ),
    { phase: 'after', layer: null },
  ];
}

/** The number of the first layer that learns: the backward pass ends there. */
export const firstLearning = (layers: StepSeen['layers']): number => layers.findIndex(({ learns }) => learns);

/** Whether a moment has passed for a layer, or is now: what a figure shows of it then. */
export interface Shown {
  forward: boolean;
  backward: boolean;
  update: boolean;
}

/** What of layer `place` is shown at the moment `at` of a course. */
export function shownAt({ phase, layer }: Moment, place: number): Shown {
  const now = PHASES.indexOf(phase);
  const upTo = (name: PhaseName, reached: (layer: number) => boolean): boolean => {
    const own = PHASES.indexOf(name);
    return now > own || (now === own && layer !== null && reached(layer));
  };
  return {
    forward: upTo('forward', (layer) => place <= layer),
    backward: upTo('backward', (layer) => place >= layer),
    update: upTo('update', (layer) => place <= layer),
  };
}
