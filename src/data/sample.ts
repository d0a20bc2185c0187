/** One labelled picture of a data set, on disk, in a browser or in memory; what lists of data are made of. */
import type { RgbImage } from './image.ts';

/**
 * What is asked of a picture: which one of some classes it shows, or which of some labels hold of it: none, one or several.
 */
export type Task = 'classes' | 'labels';

/** A labelled picture. */
export interface Sample {
  /**
   * Path of the file, in a browser its address; for a picture in memory a name for people, such as
   * `coffee.jpg at 120,40 (fake)`.
   */
  file: string;
  /** Index into the data set's classes; `NO_CLASS` where the picture has `labels`. */
  label: number;
  /** Where several labels may hold of a picture: those that do, indices into the data set's classes, ascending. */
  labels?: readonly number[] | undefined;
  /** The encoded picture (in a browser a `File` that somebody chose), where it is not read from `file`. */
  blob?: Blob | undefined;
  /** The decoded picture itself, where it does not come from a file. */
  image?: RgbImage | undefined;
}

/** The `label` of a picture that has `labels`: of no class. */
export const NO_CLASS = -1;

/** The class of a picture, or its labels. */
export const labelsOf = ({ label, labels }: Sample): readonly number[] => labels ?? [label];

/** A data set, ready for the loader. */
export interface DataSet {
  /** Default 'classes'. */
  task?: Task;
  /** Names of classes or labels, in the order of the labels. */
  classes: string[];
  train: Sample[];
  val: Sample[];
  /** Pictures that no run looks at, for `evaluate`; empty where there are none. */
  test: Sample[];
  /** How the validation pictures were drawn from one folder, a sentence; null where they were set apart before. */
  split: string | null;
  /** Sentences for the user about what was found: ignored files, duplicates. */
  notes: string[];
}

/** Class folders under one root, and their pictures as samples in sorted order. */
export interface ClassFolders {
  classes: string[];
  samples: Sample[];
  root: string;
  /** Sentences on what was left out. */
  notes: string[];
}
