/** The pictures that a run met and could not read, each counted once over all of its processes. */
import type { Sample } from '../../data/sample.ts';
import { demand, list, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState } from '../callback.ts';

/** The state of `UnreadablePictures` out of a file. */
export const UNREADABLE_STATE: Rule = list(whole(0, 2 ** 32), 0, 2 ** 24);

export class UnreadablePictures implements Callback {
  readonly name = 'unreadable';
  private readonly places: ReadonlyMap<string, number>;
  private readonly found = new Set<number>();

  /** @param samples all pictures of the run, in the order that it always has them in */
  constructor(samples: readonly Sample[]) {
    this.places = new Map(samples.map(({ file }, place) => [file, place]));
  }

  /** Counts a picture. @returns whether it is the first time */
  add({ file }: Sample): boolean {
    const place = this.places.get(file)!;
    const first = !this.found.has(place);
    this.found.add(place);
    return first;
  }

  get count(): number {
    return this.found.size;
  }

  state(): CallbackState {
    return { json: [...this.found].sort((a, b) => a - b) };
  }

  restore({ json }: CallbackState): void {
    demand(UNREADABLE_STATE, json, 'the state of unreadable');
    for (const place of json as number[]) this.found.add(place);
  }
}
