/** Where features are kept: the contract of a store, and the one in memory. The one on disk is node/feature-shelf.ts. */
import type { Sample } from '../data/sample.ts';

/** What is kept of a picture. */
export interface KeptFeatures {
  values: Float32Array;
  /** What stands for its bytes (src/data/picture-set.ts), where the loader says it. */
  mark?: Uint8Array | undefined;
}

/** Which features of a picture are meant. */
export interface Slot {
  /** The picture's place among the samples. */
  index: number;
  /** Its random view; 0 in validation. */
  view: number;
  /** Whether it is the only one of its batch. */
  alone: boolean;
}

/** What a store is asked to keep. */
export interface RoomPlan {
  /** SHA-256 of all that the features depend on beside the picture itself. */
  key: string;
  /** What they are of, for people. */
  about: string;
  /** Values of a picture. */
  length: number;
  samples: readonly Sample[];
  views: number;
}

/** Where the features of some pictures are kept. What it cannot keep is computed again. */
export interface FeatureRoom {
  readonly where: 'memory' | 'disk';
  /** Of the features that were put or found here. */
  readonly bytes: number;
  get(slot: Slot): KeptFeatures | undefined | Promise<KeptFeatures | undefined>;
  /** Whether it is kept now. */
  put(slot: Slot, features: KeptFeatures): boolean | Promise<boolean>;
  /** Gives the memory back; what is on a disk stays there. */
  close(): void;
}

export interface FeatureStore {
  open(plan: RoomPlan): FeatureRoom | Promise<FeatureRoom>;
}

/** Bytes of the features that a room is planned for. */
export const plannedFeatures = ({ length, samples, views }: RoomPlan): number =>
  4 * length * samples.length * views;

/** Default bytes that features may take in memory. */
const MOST_BYTES = 2 ** 30;

/** Features in memory, up to a limit over all of its rooms. */
export class MemoryStore implements FeatureStore {
  private bytes = 0;

  /** @param limit bytes */
  constructor(readonly limit = MOST_BYTES) {}

  /** Whether all features of a plan would fit beside what is there. */
  takes(plan: RoomPlan): boolean {
    return this.bytes + plannedFeatures(plan) <= this.limit;
  }

  open({ samples }: RoomPlan): FeatureRoom {
    const kept = new Map<number, KeptFeatures>();
    const place = ({ index, view, alone }: Slot): number =>
      (2 * view + Number(alone)) * samples.length + index;
    let own = 0;
    return {
      where: 'memory',
      get bytes() {
        return own;
      },
      get: (slot) => kept.get(place(slot)),
      put: (slot, features) => {
        const { byteLength } = features.values;
        if (kept.has(place(slot)) || this.bytes + byteLength > this.limit) return false;
        kept.set(place(slot), features);
        this.bytes += byteLength;
        own += byteLength;
        return true;
      },
      close: () => {
        this.bytes -= own;
        own = 0;
        kept.clear();
      },
    };
  }
}

/** A store that can tell whether it would keep all features of a plan. */
interface AskedStore extends FeatureStore {
  takes(plan: RoomPlan): boolean | Promise<boolean>;
}

/** Memory where it takes all of a plan's features, else the other store, and where neither does, as many as memory takes. */
export const memoryElse = (memory: MemoryStore, other: AskedStore): FeatureStore => ({
  open: async (plan) => (!memory.takes(plan) && (await other.takes(plan)) ? other : memory).open(plan),
});
