/** The errors of the GPU layer. Each message is a sentence that says what happened and what to do. */

/** No WebGPU adapter answers on this machine; the message says what to install. */
export class NoAdapterError extends Error {
  override name = 'NoAdapterError';
}

/** The device reported an error or was lost; every later readback rejects with the same error. */
export class DeviceError extends Error {
  override name = 'DeviceError';
}

/** The device is gone: its driver was reset, or it was destroyed. Another one can be opened. */
export class DeviceLost extends DeviceError {
  override name = 'DeviceLost';
}

/** What an adapter sets a limit to: a buffer's bytes, a binding's bytes, workgroups in a dimension. */
export type Limit = 'buffer' | 'binding' | 'workgroups';

const REFUSALS: Record<Limit, (what: string, asked: number, most: number) => string> = {
  buffer: (_, asked, most) =>
    `a buffer of ${asked} bytes was asked for, but this adapter's largest buffer is ${most} bytes`,
  binding: (what, asked, most) =>
    `${what} takes ${asked} bytes, but this adapter binds at most ${most} at once`,
  workgroups: (what, asked, most) =>
    `${what} takes ${asked} workgroups in a dimension, but this adapter starts at most ${most}`,
};

/** An adapter's limit does not allow what was asked for. Those who know the situation word it by the fields. */
export class TooLarge extends RangeError {
  override name = 'TooLarge';

  constructor(
    readonly limit: Limit,
    /** Program and binding, such as `relu: x`; the kind of a buffer. */
    readonly what: string,
    /** Bytes, or workgroups. */
    readonly asked: number,
    readonly most: number,
  ) {
    super(`${REFUSALS[limit](what, asked, most)}; use a smaller batch or input`);
  }
}
