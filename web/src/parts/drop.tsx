/** Files that are dropped or pasted anywhere on the page. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { addFiles } from '../state.ts';

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false;

export function DropAnywhere() {
  const over = useSignal(false);
  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    const dragged = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over.value = true;
    };
    addEventListener('dragenter', dragged, { signal });
    addEventListener('dragover', dragged, { signal });
    addEventListener(
      'dragleave',
      ({ relatedTarget }) => {
        if (relatedTarget === null) over.value = false;
      },
      { signal },
    );
    addEventListener(
      'drop',
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        over.value = false;
        addFiles(event.dataTransfer!.files);
      },
      { signal },
    );
    addEventListener('paste', ({ clipboardData }) => addFiles(clipboardData?.files ?? []), { signal });
    return () => listening.abort();
  }, [over]);
  return over.value ? (
    <div class="drop" aria-hidden="true">
      Pictures, or weights (.safetensors, .pth)
    </div>
  ) : null;
}
