/**
 * The lines of a file of answers, as JSON or for spreadsheets. A line a picture, in the order of the list; the first
 * columns are its place there and its name, by which a line is known again.
 */
import { extname } from 'node:path';
import { cell } from '../../report/predictions.ts';
import { shown } from '../../text/shown.ts';
import { UserError } from '../ui.ts';
import type { Prediction } from './prediction.ts';

/** What is said of a picture: the network's answer, or why there is none. */
export type Answer = Prediction | { file: string; error: string };

export interface AnswersFormat {
  /** The line before all others; null: there is none. */
  head: string | null;
  /** Without its end. */
  line(place: number, answer: Answer): string;
  /** What `line` tells of the picture `file` at `place`: null where it is of something else. */
  tells(line: string, place: number, file: string): 'answer' | 'error' | null;
}

/** What stands behind the place and the name of a picture in a line; null where it begins otherwise. */
const behind = (line: string, named: string): string | null =>
  line.startsWith(named) ? line.slice(named.length) : null;

const jsonLines: AnswersFormat = {
  head: null,
  line: (index, answer) => shown(JSON.stringify({ index, ...answer })),
  tells(line, index, file) {
    const rest = behind(line, `${shown(JSON.stringify({ index, file })).slice(0, -1)},`);
    if (!rest?.endsWith('}')) return null;
    return rest.startsWith('"error":') ? 'error' : 'answer';
  },
};

/** Columns: index, file, error, called, then class, probability and logit of the likeliest, the second, … */
function csv(topK: number): AnswersFormat {
  const ranks = Array.from({ length: topK }, (_, rank) => rank + 1);
  const columns = ranks.flatMap((rank) => [`class ${rank}`, `probability ${rank}`, `logit ${rank}`]);
  const named = (place: number, file: string): string => `${place},${cell(file)},`;
  return {
    head: ['index', 'file', 'error', 'called', ...columns].join(','),
    line(place, answer) {
      const start = named(place, answer.file);
      if ('error' in answer) return start + [cell(answer.error), '', ...columns.map(() => '')].join(',');
      const { called = answer.topK[0].label, topK: classes } = answer;
      const figures = classes.map(
        ({ label, probability, logit }) => `${cell(label)},${probability},${logit}`,
      );
      return start + ['', cell(called), ...figures].join(',');
    },
    tells(line, place, file) {
      const rest = behind(line, named(place, file));
      if (!rest) return null;
      return rest.startsWith(',') ? 'answer' : 'error';
    },
  };
}

/** The format that the ending of a file names. @throws UserError where it names none */
export function formatOf(path: string, topK: number): AnswersFormat {
  const ending = extname(path).toLowerCase();
  if (ending === '.jsonl') return jsonLines;
  if (ending === '.csv') return csv(topK);
  throw new UserError(
    `${path} names no format: let it end in .jsonl (a JSON object a line) or .csv (for spreadsheets)`,
  );
}
