/**
 * Which pictures an epoch draws, and in which order: every one once, or such that classes come equally often however many
 * pictures each has. Pure functions of (seed, epoch), so that an epoch can be gone on with anywhere.
 */
import { shuffled } from '../tensor/random.ts';

/** 'shuffled': every picture once an epoch. 'balanced': every class equally often; an epoch has as many pictures as ever. */
export type Sampler = 'shuffled' | 'balanced';

export const SAMPLERS = ['shuffled', 'balanced'] as const satisfies readonly Sampler[];

/**
 * The draws of a balanced epoch, indices into `labels`, as many as there are.
 *
 * Draws are counted through all epochs, and the classes that have pictures take turns. Each class passes through its own
 * pictures without replacement, in a new order every time, and goes on in the next epoch where this one ended; so the
 * pictures of a class come equally often too: those of a rare class several times an epoch, those of a frequent one not in
 * every epoch. Of k classes with n pictures, an epoch has n/k draws of each, give or take one. The draws of an epoch come in
 * random order.
 */
export function balancedOrder(labels: ArrayLike<number>, seed: number, epoch: number): Int32Array {
  const n = labels.length;
  const classes = byLabel(labels).map(([label, members]) => turnsOf(label, members, seed));
  const drawn = Int32Array.from({ length: n }, (_, i) => {
    const count = epoch * n + i;
    return classes[count % classes.length](Math.floor(count / classes.length));
  });
  return shuffled(n, seed, epoch).map((place) => drawn[place]);
}

/** What a class draws in its n-th turn, asked in order. */
function turnsOf(label: number, members: readonly number[], seed: number): (turn: number) => number {
  let now: { pass: number; order: Int32Array } | undefined;
  return (turn) => {
    const pass = Math.floor(turn / members.length);
    if (now?.pass !== pass) now = { pass, order: shuffled(members.length, seed, pass, `sampler ${label}`) };
    return members[now.order[turn % members.length]];
  };
}

/** [label, its places], by label. */
function byLabel(labels: ArrayLike<number>): [label: number, places: number[]][] {
  const places = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const members = places.get(labels[i]);
    if (members) members.push(i);
    else places.set(labels[i], [i]);
  }
  return [...places].sort(([a], [b]) => a - b);
}

/** How many times each draw of an order was drawn before in it. */
export function repeatsIn(order: Int32Array): Int32Array {
  const seen = new Int32Array(order.length);
  return order.map((index) => seen[index]++);
}
