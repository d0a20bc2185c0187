/** The code of a part: its lines in the model's file, the kernels' files, and the shaders that ran. */
import type { Dispatch, Part } from '../../contract.ts';
import { Code, SourceFile } from '../../parts/code.tsx';
import { kernelFile, lineOf, modelFiles } from './sources.ts';

interface Props {
  model: string;
  part: Part;
  layers: readonly Part[];
  /** Null while nothing was measured. */
  dispatches: readonly Dispatch[] | null;
  shaders: Readonly<Record<string, string>>;
}

export function CodeOfPart({ model, part, layers, dispatches, shaders }: Props) {
  const programs = [...new Set((dispatches ?? []).map(({ program }) => program))];
  const kernels = [...new Set(programs.flatMap((program) => kernelFile(program) ?? []))];
  return (
    <>
      <h3>Its code</h3>
      {modelFiles(model).map((file) => (
        <SourceFile key={file} file={file} lineOf={(text) => lineOf(text, part, layers)} />
      ))}
      {kernels.map((file) => (
        <SourceFile key={file} file={file} />
      ))}
      <h3>The WGSL that ran on this GPU</h3>
      {dispatches === null && <p class="muted">…</p>}
      {dispatches?.length === 0 && (
        <p class="muted">None of its own: it ran in the last lines of the layer before.</p>
      )}
      {programs.map((program) => (
        <details key={program}>
          <summary>
            {program} <span class="muted">{ways(dispatches!, program)}</span>
          </summary>
          <Code text={shaders[program] ?? ''} label={`The shader ${program}`} />
        </details>
      ))}
    </>
  );
}

/** How a program was dispatched: `3 times, 0.41 ms; 7×7×1 workgroups`. */
function ways(dispatches: readonly Dispatch[], program: string): string {
  const own = dispatches.filter((dispatch) => dispatch.program === program);
  const ms = own.reduce((sum, dispatch) => sum + dispatch.ms, 0).toFixed(3);
  const groups = [...new Set(own.map((dispatch) => dispatch.groups.join('×')))].slice(0, 3).join(', ');
  return `${own.length === 1 ? 'once' : `${own.length} times`}, ${ms} ms; ${groups} workgroups`;
}
