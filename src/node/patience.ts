/**
 * Waiting for the GPU without taking a core from it. As long as a promise of Dawn's is open, Dawn asks for its events in
 * every turn of Node's event loop (`setImmediate`), and the loop turns as fast as a core lets it. Where the driver computes
 * on the same cores that core is missed: on lavapipe with two cores ResNet-18's forward pass took 91 ms in place of 50,
 * EfficientNet-B0's 62 in place of 41. With a GPU it only heats.
 *
 * So the loop is held up between its turns, and the longer, the longer has been waited already:
 *
 *   submitted ── 0.5 ms of turns as fast as they go ── naps of 1/32 of the time waited, at most 0.25 ms ── done
 *
 * What is done soon is noticed at once, and what takes long a few percent of a step late at most. After a turn in which
 * something else had work to do (files, messages of the loader) there is no nap: it may have more.
 *
 * Waiting for an estimated time by a timer instead needs to know what a step takes, and a timer of Node's a millisecond.
 */

/** Milliseconds of a wait that are spent in turns without naps. */
const AT_ONCE = 0.5;
/** A nap's share of the time waited so far, and the longest (ms): 1 ms in its place is no faster. */
const SHARE = 1 / 32;
const LONGEST = 0.25;
/** A turn takes less (ms) if nobody has anything to do in it: Dawn's look for its events takes some microseconds. */
const QUIET_TURN = 0.2;

/** Nobody wakes who waits on it. */
const never = new Int32Array(new SharedArrayBuffer(4));

/** Promises that are open, and when the newest of them was made. */
let open = 0;
let since = 0;
let turning = false;
let lastTurn = 0;

/** `promise`, and until it is settled the event loop turns as described above. */
export function patiently<Result>(promise: Promise<Result>): Promise<Result> {
  open++;
  since = performance.now();
  if (!turning) setImmediate(turn);
  turning = true;
  return promise.finally(() => open--);
}

function turn(): void {
  turning = open > 0;
  if (!turning) return;
  const now = performance.now();
  const waited = now - since;
  if (waited > AT_ONCE && now - lastTurn < QUIET_TURN)
    Atomics.wait(never, 0, 0, Math.min(SHARE * waited, LONGEST));
  lastTurn = performance.now();
  setImmediate(turn);
}
