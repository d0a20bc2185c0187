/** What the page tells the server that serves it, one message a POST. */
export type PageMessage =
  /** A test begins. */
  | { kind: 'begin'; test: string }
  /** It ended; `error` where it failed. */
  | { kind: 'end'; test: string; error?: string }
  /** The losses of the page's training run. */
  | { kind: 'losses'; losses: number[] }
  /** All ran; what they ran on. */
  | { kind: 'done'; adapter: string }
  /** Something failed that is no test. */
  | { kind: 'fault'; error: string };
