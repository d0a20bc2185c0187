/** `navigator.gpu` on Dawn, as a page has it, for engines that are written for browsers; and the adapter that it gives. */

let described = '';

/** Puts Dawn where engines look for it. Its adapters are overheard, so that what an engine runs on is known. */
export async function installNavigator(): Promise<void> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const request = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await request(options);
    if (adapter) {
      const { description, device, architecture, vendor } = adapter.info;
      described = device || description || architecture || vendor;
    }
    return adapter;
  };
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'Node', platform: process.platform, hardwareConcurrency: 1 },
    configurable: true,
  });
}

/** The adapter that an engine was given last; empty where it asked for none. */
export const adapterGiven = (): string => described;
