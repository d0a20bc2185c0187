/**
 * `openDevice` in Node: a Device on Dawn, the WebGPU of the npm package `webgpu`. A browser's is
 * src/tensor/web-device.ts.
 */
import { Device, type DeviceOptions, NoAdapterError, SOFTWARE_DRIVER } from '../gpu/index.ts';
import { setDefaultDevice } from '../tensor/index.ts';
import { collect } from './collect.ts';
import { patiently } from './patience.ts';

export interface OpenOptions extends DeviceOptions {
  /**
   * Which adapter, where there are several: 'software', its number in `listAdapters()`, or a part of its name or
   * of its backend ('nvidia', 'vulkan', 'metal'), upper or lower case.
   */
  adapter?: string;
}

/** An adapter as Dawn names it. */
export interface AdapterName {
  backend: string;
  name: string;
}

/**
 * Dawn's instances, by the flags that they were made with: one serves every device of the same choice of an adapter. Each
 * loads the drivers and has threads of its own, and stops when its GPU object is collected, so they are held for the
 * life of the process.
 */
const instances = new Map<string, Promise<GPU>>();

/** Dawn rounds timestamps to 65.5 µs, so that a page learns nothing of others; here there are no others. */
const FINE_TIMESTAMPS = ['disable-dawn-features=timestamp_quantization'];

/** The devices that were opened, as long as anybody uses them. */
const devices = new Set<WeakRef<Device>>();

/**
 * A process must not end while threads of the driver compile or compute: they would go on in libraries that are being
 * taken down, and crash. Closing a device waits for its threads. This is the one place that every end passes, an uncaught
 * error and process.exit() alike. Who ends a command by a signal (exit codes from 128 on) does not wait.
 */
process.once('exit', (code) => {
  if (code < 128) for (const reference of devices) reference.deref()?.close();
});

/**
 * Opens a device and makes it the default one for `tensor` and `createModel`.
 * Throws NoAdapterError where no adapter answers, and RangeError where none of them is called `options.adapter`.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const { adapter, ...deviceOptions } = options;
  const gpu = await dawn([...(await dawnFlags(adapter)), ...(options.profile ? FINE_TIMESTAMPS : [])]);
  deviceOptions.collect ??= collect;
  deviceOptions.patience ??= patiently;
  const device = await Device.open(gpu, deviceOptions);
  for (const reference of devices) if (!reference.deref()) devices.delete(reference);
  devices.add(new WeakRef(device));
  setDefaultDevice(device);
  return device;
}

/** The adapters that Dawn sees on this machine, software ones included; empty where there is none. */
export async function listAdapters(): Promise<AdapterName[]> {
  // Dawn has no call for this: it lists the names when asked for one that cannot exist.
  const gpu = await dawn(['adapter=\u0001']);
  try {
    await gpu.requestAdapter();
  } catch (error) {
    const lines = String(error).matchAll(/\* backend: '([^']*)', name: '(.*)'$/gm);
    return [...lines].map(([, backend, name]) => ({ backend: backend!, name: name! }));
  }
  return [];
}

/** The adapter of `available` that `wanted` means, or null (see OpenOptions.adapter). */
export function chooseAdapter(available: AdapterName[], wanted: string): AdapterName | null {
  if (wanted === 'software') return available.find(({ name }) => SOFTWARE_DRIVER.test(name)) ?? null;
  if (/^\d+$/.test(wanted)) return available[Number(wanted)] ?? null;
  const part = wanted.toLowerCase();
  const named = available.find(({ name }) => name.toLowerCase().includes(part));
  return named ?? available.find(({ backend }) => backend.toLowerCase() === part) ?? null;
}

/** Numbered lines with the adapters of this machine, for messages. */
export function describeAdapters(available: AdapterName[]): string {
  if (available.length === 0) return 'there is none';
  return available.map(({ backend, name }, index) => `${index}: ${name} (${backend})`).join('; ');
}

/** What makes Dawn take `adapter`; nothing where none is asked for. */
async function dawnFlags(adapter: string | undefined): Promise<string[]> {
  if (adapter === undefined) return [];
  const available = await listAdapters();
  const chosen = chooseAdapter(available, adapter);
  if (chosen) return [`backend=${chosen.backend}`, `adapter=${chosen.name}`];
  const message = `no adapter is called '${adapter}' here: ${describeAdapters(available)}`;
  // Not a bad option for sure: an adapter whose driver fails is missing until it is back, or on another machine is there.
  throw available.length > 0 ? new Error(message) : new NoAdapterError(message);
}

/** Dawn's `navigator.gpu`. Throws NoAdapterError where its library does not load (musl, an unusual processor). */
function dawn(flags: string[]): Promise<GPU> {
  const key = flags.join('\n');
  const instance = instances.get(key) ?? start(flags);
  instances.set(key, instance);
  return instance;
}

async function start(flags: string[]): Promise<GPU> {
  try {
    const { create } = await import('webgpu');
    return create(flags);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new NoAdapterError(`Dawn, the WebGPU of the npm package webgpu, does not load here: ${reason}`, {
      cause: error,
    });
  }
}
