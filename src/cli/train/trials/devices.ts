/** One device for many runs: it is opened once, and the kernels that it has compiled serve all of them. */
import type { Choices, Device } from '../../../gpu/index.ts';
import { openCommandDevice } from '../../device.ts';
import { announceSoftware } from '../../ui.ts';
import type { Devices } from '../device.ts';

export class SharedDevices implements Devices {
  private device: Device | null = null;
  /** Of the adapter's tuning record. */
  private tuned: Choices | null = null;
  private announced = false;

  async open(...[options, { begunWith }]: Parameters<Devices['open']>): Promise<Device> {
    if (!this.device) {
      this.device = await openCommandDevice(options);
      this.tuned = this.device.choices;
      if (!this.announced) announceSoftware(this.device);
      this.announced = true;
    }
    this.device.choices = begunWith === undefined ? this.tuned : begunWith;
    return this.device;
  }

  /** Keeps the device, unless a run failed on it or left something there, such as its teacher. */
  close(device: Device, failed: boolean): void {
    if (!failed) device.trim();
    if (!failed && device.memory().live === 0) return;
    this.device = null;
    device.close();
  }

  /** Closes the device that is kept. */
  end(): void {
    this.device?.close();
    this.device = null;
  }
}
