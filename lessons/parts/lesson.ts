/**
 * What a lesson is: what a paper claims, what is run to see it, and what is plotted. A lesson is data and one function; `run`
 * gives the figures and curves of one network and one seed, and everything after it (tables, plots, verdicts) is drawn from
 * these, so that a recorded result and a fresh one are shown by the same code.
 */
import type { Device } from 'tessera';
import type { Pictures } from './pictures.ts';

export interface Lesson<Setting = unknown> {
  title: string;
  /** The idea, in a few sentences. */
  idea: string;
  papers: readonly { title: string; url: string }[];
  /** Side of the pictures in pixels. */
  side: number;
  /** How much is run: at most 10 minutes on two processor cores, at most 60, and what tests run. */
  forms: Record<FormName, Form>;
  /** What is compared, by name. */
  settings: Readonly<Record<string, Setting>>;
  /** Trains one of them and measures it. */
  run(setting: Setting, place: Place): Promise<Outcome>;
  columns: readonly Column[];
  charts: readonly Chart[];
  claims: readonly Claim[];
  /** What an experiment of this size cannot show. */
  limits: readonly string[];
  /** Where to read on: a line of a file of the project that holds this text. */
  code: readonly { what: string; file: string; line: string }[];
}

export type FormName = 'short' | 'full' | 'glance';

export interface Form {
  /** Pictures to learn from, and others to measure with. */
  pictures: number;
  held: number;
  /** Pictures of a step. */
  batch: number;
  /** Updates of each network. */
  steps: number;
  seeds: number;
}

/** Where a network is trained. */
export interface Place {
  device: Device;
  pictures: Pictures;
  form: Form;
  seed: number;
  /** Aborts where somebody wants to stop. */
  signal: AbortSignal;
  /** Says how much of this network's work is done, from 0 to 1, and what there is to see. */
  progress(done: number, status?: string): void;
}

/** A place for one of `count` things that a run does one after the other. */
export function partOf(place: Place, index: number, count: number): Place {
  return { ...place, progress: (done, status) => place.progress((index + done) / count, status) };
}

/** What came of one network and one seed. Null is a figure that is no number: that of a network that diverged. */
export interface Outcome {
  figures: Readonly<Record<string, number | null>>;
  /** Points by the name of a curve. */
  curves: Readonly<Record<string, readonly Point[]>>;
}

export type Point = readonly [x: number, y: number | null];

/** How a figure is written: as a share in percent, or with so many significant digits. */
export type Format = 'share' | number;

export interface Column {
  figure: string;
  head: string;
  as: Format;
}

interface Drawn {
  title: string;
  caption: string;
  /** Settings that are drawn. Default: all. */
  of?: readonly string[];
}

export type Chart = Drawn &
  (
    | { kind: 'lines'; curve: string; x: string; y: string; logX?: boolean; logY?: boolean }
    | { kind: 'figures'; figure: string; label: string; as: Format }
    | { kind: 'plane'; x: string; y: string; labels: readonly [x: string, y: string]; logX?: boolean }
  );

/** The outcome of a setting, with the seed that is asked about. */
export type Of = (setting: string) => Outcome;

export interface Claim {
  /** The paper's words, and where they stand. */
  quote: string;
  source: string;
  /** What is measured here: `training loss of plain 56 above that of plain 20`. */
  here: string;
  /** Of one seed: above 0, or what is said, where it is as the paper says. */
  measure(of: Of): number;
  above?: number;
  as: Format;
}

/** A figure that has to be a number. */
export function figure({ figures }: Outcome, name: string): number {
  const value = figures[name];
  if (value === undefined)
    throw new RangeError(`there is no figure '${name}', but ${Object.keys(figures).join(', ')}`);
  return value ?? Number.NaN;
}
