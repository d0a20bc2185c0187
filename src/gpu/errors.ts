/** The errors of the GPU layer. Each message is a sentence that says what happened and what to do. */

/** No WebGPU adapter answers on this machine; the message says what to install. */
export class NoAdapterError extends Error {
  override name = 'NoAdapterError';
}

/** The device reported an error or was lost; every later readback rejects with the same error. */
export class DeviceError extends Error {
  override name = 'DeviceError';
}
