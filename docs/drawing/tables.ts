/**
 * The generated tables of the pages in docs/. A page marks the place of a table:
 *
 *   <!-- table NAME -->
 *   …
 *   <!-- end -->
 */
import { MBConv } from '../../src/models/mbconv.ts';
import type { Module } from '../../src/nn/index.ts';
import { blocksOf, windowOf } from './stages.ts';
import { count, type ModelTrace, type StageTrace, shapeText } from './trace.ts';

/** A Markdown table; columns whose heading starts with `>` are aligned to the right. */
export function markdown(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = headings.map((heading) => (heading.startsWith('>') ? '---:' : '---'));
  return [line(headings.map((heading) => heading.replace('>', ''))), line(rule), ...rows.map(line)].join(
    '\n',
  );
}

/** A row a stage. */
export function stageTable(trace: ModelTrace): string {
  const rows = trace.stages.map((stage) => [
    `\`${stage.name}\``,
    contentOf(trace, stage),
    shapeText(stage.output),
    count(stage.parameters),
    count(stage.multiplyAdds),
  ]);
  const total = ['', '', 'in all', count(trace.parameters), count(trace.multiplyAdds)];
  return markdown(['stage', 'made of', '>output', '>parameters', '>multiply-adds'], [...rows, total]);
}

function contentOf(trace: ModelTrace, stage: StageTrace): string {
  const blocks = blocksOf(trace, stage);
  return blocks.length > 0 ? `${blocks.length} × ${blockText(blocks[0])}` : stage.words.join('; ');
}

function blockText(block: Module): string {
  if (!(block instanceof MBConv)) return block.constructor.name;
  const { kernel, stride, expandRatio } = windowOf(block);
  return `MBConv${expandRatio}, ${kernel}×${kernel}${stride > 1 ? ` / ${stride}` : ''}`;
}

/** Networks beside each other, as in table 1 of the ResNet paper: a column a network, a row a stage that has blocks. */
export function familyTable(traces: readonly ModelTrace[]): string {
  const [first] = traces;
  const stages = first.stages.flatMap((stage, index) => (blocksOf(first, stage).length > 0 ? index : []));
  const rows = stages.map((index) => [
    `\`${first.stages[index].name}\``,
    `${first.stages[index].output[0]}²`,
    ...traces.map((trace) => contentOf(trace, trace.stages[index])),
  ]);
  const parameters = ['parameters', '', ...traces.map((trace) => count(trace.parameters))];
  const multiplyAdds = ['multiply-adds', '', ...traces.map((trace) => count(trace.multiplyAdds))];
  const names = traces.map(({ model }) => `\`${model.spec!.name}\``);
  return markdown(['stage', '>output', ...names], [...rows, parameters, multiplyAdds]);
}

/** Networks below each other: pictures, blocks, parameters, multiply-adds. */
export function sizeTable(traces: readonly ModelTrace[]): string {
  const rows = traces.map((trace) => [
    `\`${trace.model.spec!.name}\``,
    `${trace.size}²`,
    `${trace.stages.reduce((sum, stage) => sum + blocksOf(trace, stage).length, 0)}`,
    count(trace.parameters),
    count(trace.multiplyAdds),
  ]);
  return markdown(['', '>pictures', '>blocks', '>parameters', '>multiply-adds'], rows);
}

/** `page` with every marked table filled in. Throws where it asks for a table that does not exist. */
export function fillTables(page: string, tables: Readonly<Record<string, string>>): string {
  return page.replace(/^<!-- table (\S+) -->[\s\S]*?<!-- end -->$/gm, (_, name: string) => {
    if (!Object.hasOwn(tables, name)) throw new Error(`there is no table called ${name}`);
    return `<!-- table ${name} -->\n${tables[name]}\n<!-- end -->`;
  });
}
