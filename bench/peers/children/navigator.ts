/**
 * `navigator.gpu` on Dawn, as a page has it, for engines that are written for browsers; what it gave them, and what WebGPU
 * refused: it says so on the side, and a result comes all the same.
 */

let described = '';
const faults: string[] = [];

/** Puts Dawn where engines look for it. Its adapters and devices are overheard. */
export async function installNavigator(): Promise<void> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const request = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await request(options);
    if (!adapter) return adapter;
    const { description, device, architecture, vendor } = adapter.info;
    described = device || description || architecture || vendor;
    const open = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const opened = await open(descriptor);
      opened.addEventListener('uncapturederror', ({ error }) => {
        faults.push(error.message.split('\n')[0]!);
      });
      return opened;
    };
    return adapter;
  };
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'Node', platform: process.platform, hardwareConcurrency: 1 },
    configurable: true,
  });
}

/** The adapter that an engine was given last; empty where it asked for none. */
export const adapterGiven = (): string => described;

/** A result, unless WebGPU refused something on the way to it. @throws Error with WebGPU's first words */
export async function believed(values: ArrayLike<number>): Promise<ArrayLike<number>> {
  // An error arrives with the next turn of the loop.
  await new Promise((resolve) => setTimeout(resolve));
  if (faults.length > 0) throw new Error(`WebGPU refused what it recorded: ${faults[0]}`);
  return values;
}
