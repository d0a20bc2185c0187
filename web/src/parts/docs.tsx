/**
 * The pages of docs/ that are about a place, to unfold. Their text ships with the page, since the page may lie on any host or on
 * this machine alone, where no address of a repository need answer, and is fetched when it is opened.
 */
import { useSignal } from '@preact/signals';
import { failed, type Pending, ready, waiting } from '../state.ts';

const texts = import.meta.glob<string>(
  '../../../docs/{bench,explain,export,fine-tuning,kernels,ladder,other-files,page}.md',
  { query: '?raw', import: 'default' },
);

export function Docs({ names }: { names: readonly string[] }) {
  return (
    <section class="docs" aria-label="In the docs">
      {names.map((name) => (
        <Doc key={name} file={`docs/${name}.md`} />
      ))}
    </section>
  );
}

function Doc({ file }: { file: string }) {
  const text = useSignal<Pending<string> | null>(null);
  const open = (): void => {
    if (text.value && text.value.state !== 'failed') return;
    text.value = waiting;
    texts[`../../../${file}`]!().then(
      (found) => {
        text.value = ready(found);
      },
      (error: unknown) => {
        text.value = failed(error);
      },
    );
  };
  const current = text.value;
  return (
    <details onToggle={({ currentTarget }) => currentTarget.open && open()}>
      <summary>{file}</summary>
      {current?.state === 'failed' && <p class="fault">{current.message}</p>}
      {current?.state === 'ready' && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard.
        <section class="code doc" tabIndex={0} aria-label={`The text of ${file}`}>
          {current.value}
        </section>
      )}
    </details>
  );
}
