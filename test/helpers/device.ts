/**
 * The devices that tests run on. Every buffer is filled with NaN when it is taken, since fresh WebGPU buffers are
 * zero and would hide an element that no kernel wrote.
 */
import type * as uvu from 'uvu';
import { Device, type DeviceOptions } from '../../src/gpu/index.ts';
import { setDefaultDevice } from '../../src/tensor/index.ts';
import { collect, gpu } from './gpu.ts';

async function open(options: DeviceOptions): Promise<Device> {
  const device = await Device.open(gpu, { poison: true, collect, ...options });
  setDefaultDevice(device);
  return device;
}

/** A device with everything the adapter has. It becomes the default device. */
export const testDevice = (options: DeviceOptions = {}): Promise<Device> => open(options);

/** A device with WebGPU's default limits and no optional features: no subgroups, no immediates. */
export const clampedDevice = (): Promise<Device> => open({ limits: 'default', features: 'none' });

/** A test that runs twice, on each of the two: with what the adapter has, and with what every device has. */
export function onBothDevices(test: uvu.Test, name: string, body: (device: Device) => Promise<void>): void {
  for (const [features, open] of [
    ['all features', testDevice],
    ['default limits', clampedDevice],
  ] as const)
    test(`${name}, ${features}`, async () => {
      const device = await open();
      await body(device);
      device.close();
    });
}
