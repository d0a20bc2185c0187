/** What the feature cache saved in a run, over all of its processes: a callback that counts and times epochs. */
import { demand, number, object, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, EpochEvent } from '../callback.ts';
import type { FeatureCache } from '../feature-cache.ts';

/** What caching saved. Plain JSON. */
export interface CacheFigures {
  /** Features that were computed (pictures × views, validation included), and that were there when they were needed. */
  computed: number;
  reused: number;
  /** Where they are, and how many bytes; null where nothing was cached in this process. */
  where: 'memory' | 'disk' | null;
  bytes: number;
  /**
   * Epochs (training and validation) whose features were all computed, compilation of kernels included, and those for which
   * none was; mean seconds of one, null where there was none.
   */
  first: EpochTimes;
  later: EpochTimes;
  /** `first` over `later`: how many times as fast an epoch is; null where one of them is not known. */
  speedUp: number | null;
}

export interface EpochTimes {
  epochs: number;
  meanSeconds: number | null;
}

interface Sum {
  epochs: number;
  seconds: number;
}

const COUNT = whole(0, Number.MAX_SAFE_INTEGER);
const SUM: Rule = object({ epochs: COUNT, seconds: number(0, Number.MAX_VALUE) });

/** The state of `CacheWatch` out of a file. */
export const CACHE_STATE: Rule = object({ computed: COUNT, reused: COUNT, first: SUM, later: SUM });

/** Share of an epoch's features that may be computed in one from the cache: of pictures that are alone in a batch. */
const STRAYS = 0.01;

function add(sum: Sum, seconds: number): void {
  sum.epochs++;
  sum.seconds += seconds;
}

export class CacheWatch implements Callback {
  readonly name = 'feature-cache';
  /** Of the processes before. */
  private before = { computed: 0, reused: 0 };
  /** What the cache had counted when the epoch began. */
  private last = { computed: 0, reused: 0, trained: 0 };
  private first: Sum = { epochs: 0, seconds: 0 };
  private later: Sum = { epochs: 0, seconds: 0 };

  constructor(private readonly cache: FeatureCache) {}

  onEpoch({ record: { trainSeconds, valSeconds } }: EpochEvent): void {
    const { computed, reused, trained } = this.cache.counts;
    const { last } = this;
    const [fresh, old] = [computed - last.computed, reused - last.reused];
    const pictures = trained === last.trained;
    this.last = { computed, reused, trained };
    if (pictures) return; // The steps took pictures; features validated, at most.
    if (old === 0) add(this.first, trainSeconds + valSeconds);
    else if (fresh <= STRAYS * (fresh + old)) add(this.later, trainSeconds + valSeconds);
  }

  get figures(): CacheFigures {
    const { computed, reused, where, bytes } = { ...this.cache.counts, ...this.cache.kept };
    const times = ({ epochs, seconds }: Sum): EpochTimes => ({
      epochs,
      meanSeconds: epochs > 0 ? seconds / epochs : null,
    });
    const [first, later] = [times(this.first), times(this.later)];
    return {
      computed: this.before.computed + computed,
      reused: this.before.reused + reused,
      where,
      bytes,
      first,
      later,
      speedUp: first.meanSeconds && later.meanSeconds ? first.meanSeconds / later.meanSeconds : null,
    };
  }

  state(): CallbackState {
    const { computed, reused } = this.figures;
    return { json: { computed, reused, first: this.first, later: this.later } };
  }

  restore({ json }: CallbackState): void {
    demand(CACHE_STATE, json, `the state of ${this.name}`);
    const { computed, reused, first, later } = json as {
      computed: number;
      reused: number;
      first: Sum;
      later: Sum;
    };
    this.before = { computed, reused };
    [this.first, this.later] = [{ ...first }, { ...later }];
  }
}
