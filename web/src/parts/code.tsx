/** TypeScript and WGSL to read: their words in colours, their lines by numbers, and the lines that are meant in view. */
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { textOf } from '../places/explore/sources.ts';
import { failed, type Pending, ready, waiting } from '../state.ts';

const WORDS =
  'alias|as|async|await|break|case|class|const|continue|default|diagnostic|else|enable|export|extends|fn|for|from|function|if|import|in|interface|let|loop|new|null|override|private|protected|public|readonly|requires|return|static|struct|super|switch|this|type|undefined|var|while|yield';
/** Comments, strings, words of the language, numbers, types and attributes of WGSL. */
const TOKENS = new RegExp(
  `(?<comment>\\/\\/.*|\\/\\*[\\s\\S]*?\\*\\/)|(?<string>'[^'\\n]*'|"[^"\\n]*")|(?<type>@\\w+|\\b(?:vec[234]|mat\\dx\\d|array|f32|u32|i32|f16|bool|string|number|boolean)\\w*\\b)|(?<word>\\b(?:${WORDS})\\b)|(?<number>\\b\\d[\\w.]*)`,
  'g',
);

interface Piece {
  kind: string | null;
  text: string;
}

/** The text in pieces, those that have a colour with their kind. */
function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const found of text.matchAll(TOKENS)) {
    if (found.index > end) pieces.push({ kind: null, text: text.slice(end, found.index) });
    const [kind] = Object.entries(found.groups!).find(([, matched]) => matched !== undefined)!;
    pieces.push({ kind, text: found[0] });
    end = found.index + found[0].length;
  }
  pieces.push({ kind: null, text: text.slice(end) });
  return pieces;
}

/** The same, line by line. */
function linesOf(text: string): Piece[][] {
  const lines: Piece[][] = [[]];
  for (const { kind, text: piece } of piecesOf(text))
    for (const [i, part] of piece.split('\n').entries()) {
      if (i > 0) lines.push([]);
      if (part) lines.at(-1)!.push({ kind, text: part });
    }
  return lines;
}

interface CodeProps {
  text: string;
  label: string;
  /** A line that is marked and brought into view, from 1; 0 for none. */
  line?: number;
}

export function Code({ text, label, line = 0 }: CodeProps) {
  const place = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const marked = place.current!.querySelector<HTMLElement>('.here');
    if (marked) place.current!.scrollTop = marked.offsetTop - place.current!.clientHeight / 3;
  }, []);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard.
    <section ref={place} class="code" tabIndex={0} aria-label={label}>
      <pre>
        <code>
          {linesOf(text.trimEnd()).map((pieces, i) => (
            <span key={i} class={i + 1 === line ? 'line here' : 'line'}>
              {pieces.map(({ kind, text }, j) =>
                kind ? (
                  <span key={j} class={`t-${kind}`}>
                    {text}
                  </span>
                ) : (
                  text
                ),
              )}
              {'\n'}
            </span>
          ))}
        </code>
      </pre>
    </section>
  );
}

/** A file of the repository, fetched when it is opened. */
export function SourceFile({ file, lineOf }: { file: string; lineOf?: (text: string) => number }) {
  const text = useSignal<Pending<string> | null>(null);
  const open = (): void => {
    if (text.value) return;
    text.value = waiting;
    textOf(file).then(
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
        <Code text={current.value} label={file} line={lineOf?.(current.value) ?? 0} />
      )}
    </details>
  );
}
