/** What a command writes of a profile: profile.json, a profile for each part of its course, and the trace of it all. */
import type { Profile } from './profile.ts';
import type { Recording } from './recording.ts';
import { summarise } from './summary.ts';
import { profileText } from './text.ts';
import { traceOf } from './trace.ts';

export const PROFILE_VERSION = 1;

export interface ProfileDocument {
  format: 'tessera-profile';
  version: typeof PROFILE_VERSION;
  /** ISO 8601. */
  date: string;
  parts: readonly Profile[];
}

/** What is written and printed of a recording. */
export interface ProfileFiles {
  document: ProfileDocument;
  trace: string;
  text: string[];
}

export const documentOf = (parts: readonly Profile[]): ProfileDocument => ({
  format: 'tessera-profile',
  version: PROFILE_VERSION,
  date: new Date().toISOString(),
  parts,
});

/**
 * Of a course of steps that are alike: the first one, which compiles, and those after the second, which finds the last of
 * what is made once. Of few steps what there is.
 */
export function filesOf(recording: Recording): ProfileFiles {
  const { steps } = recording;
  const first = summarise(recording, 1, Math.min(steps, 1) || 1);
  const warm = steps < 2 ? [] : [summarise(recording, Math.min(3, steps), steps)];
  const parts = [first, ...warm];
  return {
    document: documentOf(parts),
    trace: traceOf(recording),
    text: parts.flatMap((part, index) => [...(index > 0 ? [''] : []), ...profileText(part)]),
  };
}
