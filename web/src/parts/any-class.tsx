/** Any of a network's classes, typed: the browser offers those that fit, and what is none is said. */
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { didYouMean } from '../../../src/text/suggest.ts';
import { findClass } from './find-class.ts';

interface Props {
  classes: readonly string[];
  onClass: (index: number) => void;
}

export function AnyClass({ classes, onClass }: Props) {
  const unknown = useSignal<string | null>(null);
  const [list, said] = [useId(), useId()];
  const take = (typed: string): void => {
    const found = findClass(typed, classes);
    unknown.value = found === null && typed.trim() !== '' ? typed : null;
    if (found !== null) onClass(found);
  };
  return (
    <>
      <label class="choice">
        another class
        <input
          type="search"
          list={list}
          aria-describedby={said}
          onChange={({ currentTarget }) => take(currentTarget.value)}
        />
        <datalist id={list}>
          {classes.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <p id={said} class="small" aria-live="polite">
        {unknown.value === null
          ? `One of ${classes.length.toLocaleString('en')}: a name, how only one begins, or a number.`
          : `There is no class '${unknown.value}'; ${suggestion(unknown.value, classes)}`}
      </p>
    </>
  );
}

const suggestion = (typed: string, classes: readonly string[]): string =>
  didYouMean(
    typed,
    classes.flatMap((name) => name.split(', ')),
  ) ?? 'it takes a name, how only one begins, or a number.';
