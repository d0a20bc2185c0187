/** What an adapter calls itself; drivers leave any of these empty. */
export function adapterName({ description, device, architecture, vendor }: GPUAdapterInfo): string {
  return description || device || architecture || vendor;
}
