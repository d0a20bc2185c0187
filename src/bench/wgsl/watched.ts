/** What a device dispatches while something runs. */
import type { Device, DispatchEvent } from '../../gpu/index.ts';

/** Dispatches, and what they are for. */
export interface Dispatches {
  pass: string;
  events: readonly DispatchEvent[];
}

/** The dispatches of `body`. */
export function watched(device: Device, body: () => unknown): DispatchEvent[] {
  const events: DispatchEvent[] = [];
  const stop = device.observe({ dispatch: (event) => void events.push(event) });
  try {
    body();
  } finally {
    stop();
  }
  return events;
}
