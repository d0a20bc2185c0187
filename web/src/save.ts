/** A file that the page hands to the reader: the browser asks where to, or puts it into the folder of downloads. */
export function save(name: string, content: BlobPart): void {
  const address = URL.createObjectURL(new Blob([content]));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken it by then; Safari needs a moment.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
