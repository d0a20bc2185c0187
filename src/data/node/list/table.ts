/**
 * A table of text as people have it: CSV from a script or from a spreadsheet, with commas, semicolons or tabs, quotes, a byte
 * order mark, any line ends. Rows know their line, so that whatever is wrong with one can be found.
 */
import { CsvError, parse } from 'csv-parse/sync';
import { bytesIfThere } from '../../../node/files.ts';
import { InputError } from '../../../text/input-error.ts';

export interface Row {
  /** Counted from 1 as editors do; of a row of several lines the last. */
  line: number;
  cells: string[];
}

export interface Table {
  path: string;
  header: string[];
  rows: Row[];
}

/** Bytes of a file, and characters of a row: a million pictures take some 100 MiB. */
const MOST_BYTES = 2 ** 29;
const MOST_IN_ROW = 2 ** 20;

const DELIMITERS = [',', ';', '\t'];

/**
 * Reads a table with a header; spaces around cells are left out, and so are empty lines. The delimiter is the one that the
 * header has most of.
 * @throws Error, a sentence that names the file, and the line where one is at fault
 */
export async function readTable(path: string): Promise<Table> {
  const bytes = await bytesIfThere(path, MOST_BYTES);
  if (!bytes) throw new InputError(`there is no file ${path}`);
  const text = textOf(bytes, path);
  const rows = rowsOf(text, path);
  const [head, ...others] = rows;
  if (!head) throw new InputError(`${path} is empty; its first line names the columns, such as file,label`);
  return { path, header: head.cells, rows: others };
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${path} is no text in UTF-8; spreadsheets call it "CSV UTF-8" when they save`, {
      cause: error,
    });
  }
}

function rowsOf(text: string, path: string): Row[] {
  const lines = text.replace(/\r\n?/g, '\n');
  const rows: Row[] = [];
  try {
    parse(lines, {
      delimiter: delimiterOf(lines),
      record_delimiter: '\n',
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: MOST_IN_ROW,
      on_record(cells: string[], { lines: line }) {
        rows.push({ line, cells });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const [, found] = /line (\d+)/.exec(error.message) ?? [];
    // Where a quote is not closed, csv-parse names the end of the text.
    const line = error.code in OPEN ? (rows.at(-1)?.line ?? 0) + 1 : found;
    throw new InputError(`${path}, line ${line}: ${OPEN[error.code] ?? WITHIN}`, { cause: error });
  }
  const wrong = rows.find(({ cells }) => cells.length !== rows[0]!.cells.length);
  if (wrong)
    throw new InputError(
      `${path}, line ${wrong.line}: it has ${wrong.cells.length} cells, and the header has ${rows[0]!.cells.length}; ` +
        'put quotes around a cell that holds the delimiter',
    );
  return rows;
}

function delimiterOf(text: string): string {
  const [head] = /^[^\n]*/.exec(text)!;
  const counted = (delimiter: string): number => head.split(delimiter).length;
  return DELIMITERS.reduce((most, other) => (counted(other) > counted(most) ? other : most), DELIMITERS[0]);
}

/** What is wrong with a row that has no end, by csv-parse's codes. */
const OPEN: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'here or below a quote is opened and never closed',
  CSV_MAX_RECORD_SIZE: `it is longer than ${MOST_IN_ROW.toLocaleString('en-US')} characters; perhaps a quote is opened and not closed`,
};
const WITHIN =
  'a quote stands within a cell; put the whole cell in quotes, and double those that belong to it';
