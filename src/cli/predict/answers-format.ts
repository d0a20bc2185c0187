/**
 * The lines of a file of answers, as JSON or for spreadsheets. A line a picture, in the order of the list; the first
 * columns are its place there and its name, by which a line is known again.
 */
import { extname } from 'node:path';
import { cell } from '../../report/predictions.ts';
import { shown } from '../../text/shown.ts';
import type { ClassPrediction, LabelPrediction, Prediction } from '../../train/prediction.ts';
import { UserError } from '../ui.ts';

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

/** The columns of CSV behind index, file, error and called, and what an answer has in these. */
interface Columns {
  names: string[];
  /** What is called, and the cells of the columns. */
  cells(answer: Prediction): [called: string, ...figures: string[]];
}

/** Class, probability and logit of the likeliest, the second, … */
function ranks(topK: number): Columns {
  const places = Array.from({ length: topK }, (_, rank) => rank + 1);
  return {
    names: places.flatMap((rank) => [`class ${rank}`, `probability ${rank}`, `logit ${rank}`]),
    cells(answer) {
      const { topK: classes, called = classes[0].label } = answer as ClassPrediction;
      return [
        called,
        ...classes.map(({ label, probability, logit }) => `${cell(label)},${probability},${logit}`),
      ];
    },
  };
}

/** Probability and logit of each label; `|` stands between those that are called. */
const eachLabel = (labels: readonly string[]): Columns => ({
  names: labels.flatMap((label) => [cell(`p(${label})`), cell(`logit(${label})`)]),
  cells(answer) {
    const { called, labels: all } = answer as LabelPrediction;
    return [called.join('|'), ...all.map(({ probability, logit }) => `${probability},${logit}`)];
  },
});

function csv({ names: columns, cells }: Columns): AnswersFormat {
  const named = (place: number, file: string): string => `${place},${cell(file)},`;
  return {
    head: ['index', 'file', 'error', 'called', ...columns].join(','),
    line(place, answer) {
      const start = named(place, answer.file);
      if ('error' in answer) return start + [cell(answer.error), '', ...columns.map(() => '')].join(',');
      const [called, ...figures] = cells(answer);
      return start + ['', cell(called), ...figures].join(',');
    },
    tells(line, place, file) {
      const rest = behind(line, named(place, file));
      if (!rest) return null;
      return rest.startsWith(',') ? 'answer' : 'error';
    },
  };
}

/** What of a plan decides on the columns. */
export interface Answered {
  classes: readonly string[];
  topK: number;
  /** Where several labels may hold of a picture. */
  thresholds?: readonly number[] | undefined;
}

/** @throws UserError where the ending of a file names no format */
export function checkEnding(path: string): void {
  formatOf(path, { classes: [''], topK: 1 });
}

/** The format that the ending of a file names. @throws UserError where it names none */
export function formatOf(path: string, { classes, topK, thresholds }: Answered): AnswersFormat {
  const ending = extname(path).toLowerCase();
  if (ending === '.jsonl') return jsonLines;
  if (ending === '.csv') return csv(thresholds ? eachLabel(classes) : ranks(Math.min(topK, classes.length)));
  throw new UserError(
    `${path} names no format: let it end in .jsonl (a JSON object a line) or .csv (for spreadsheets)`,
  );
}
