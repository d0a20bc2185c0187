/** `openDevice` in a browser: a Device on the page's own WebGPU. Node's is in src/node/open-device.ts. */
import { Device, type DeviceOptions, NoAdapterError } from '../gpu/index.ts';
import { setDefaultDevice } from './tensor.ts';

export interface OpenOptions extends DeviceOptions {
  /** 'software': the browser's adapter on the processor. A page can choose no other. */
  adapter?: 'software';
}

/**
 * Opens a device and makes it the default one for `tensor` and `createModel`.
 * @throws NoAdapterError where the browser has no WebGPU (it is there in secure contexts only: https or localhost) or no
 *   adapter answers
 */
export async function openDevice({ adapter, ...options }: OpenOptions = {}): Promise<Device> {
  // Workers have a navigator too; what has no WebGPU lacks the member, whatever the types say.
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu)
    throw new NoAdapterError(
      isSecureContext
        ? 'this browser has no WebGPU, or it is switched off; see https://caniuse.com/webgpu'
        : `WebGPU is there on secure pages only, and ${location.origin} is none; serve it by https or from localhost`,
    );
  const adapterOptions =
    adapter === 'software'
      ? { ...options.adapterOptions, forceFallbackAdapter: true }
      : options.adapterOptions;
  const device = await Device.open(gpu, { ...options, adapterOptions });
  setDefaultDevice(device);
  return device;
}
