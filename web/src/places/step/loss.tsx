/** The loss: the softmax of each picture's logits against its class, with the numbers of this step. */

import { percent, shortName } from '../../parts/bars.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import type { StepSeen } from '../../step.ts';
import { figure, softmax } from './numbers.ts';

/** Classes of a picture's gradient that are shown beside its own: those that are pushed down most. */
const OTHERS = 2;

export function Loss({ seen }: { seen: StepSeen }) {
  const { pictures, labels, classes, logits, loss } = seen;
  const rows = pictures.map((name, i) => {
    const own = logits.subarray(i * classes.length, (i + 1) * classes.length);
    const shares = softmax(own);
    const label = labels[i]!;
    return { name, label, logits: own, shares, loss: -Math.log(shares[label]!) };
  });
  const [first] = rows;
  const count = rows.length;
  const shown = rows.slice(0, 4).map((row) => figure(row.loss));
  const sum = `${shown.join(' + ')}${count > 4 ? ' + …' : ''}`;
  return (
    <>
      <p>
        The softmax turns logits z into shares p of all classes. A picture's loss is −ln p of the class that
        it is to be taken for: 0 where p is 1, without bound where p is 0. The loss of the step is the mean.
        Its gradient for the logits is (p − y) / {count}, with y = 1 for the picture's class and 0 for the
        others: it is where the backward pass begins.
      </p>
      <p class="formula">
        <code>
          {first!.name}: p = e^{figure(first!.logits[first!.label]!)} / Σ e^z ={' '}
          {figure(first!.shares[first!.label]!)}, −ln p = {figure(first!.loss)}
        </code>
        <br />
        <code>
          loss = ({sum}) / {count} = {figure(loss, 5)}
        </code>
      </p>
      <Scrolls label="The loss of each picture">
        <table>
          <thead>
            <tr>
              <th scope="col">Picture</th>
              <th scope="col">Its class</th>
              <th scope="col">Logit</th>
              <th scope="col">p</th>
              <th scope="col">−ln p</th>
              <th scope="col">Gradient of the logits</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, label, logits, shares, loss }, i) => (
              <tr key={i}>
                <th scope="row">{name}</th>
                <td>{shortName(classes[label]!)}</td>
                <td>{figure(logits[label]!)}</td>
                <td>{percent(shares[label]!)}</td>
                <td>{figure(loss)}</td>
                <td>
                  {[label, ...others(shares, label)]
                    .map((index) => {
                      const slope = (shares[index]! - Number(index === label)) / count;
                      return `${shortName(classes[index]!)} ${figure(slope)}`;
                    })
                    .join(', ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
      <p class="muted small">
        In training mode: dropout is on, and norms that learn use this batch, so that the answers differ from
        those of Classify.
      </p>
    </>
  );
}

const others = (shares: Float64Array, label: number): number[] =>
  Array.from(shares.keys())
    .filter((index) => index !== label)
    .sort((a, b) => shares[b]! - shares[a]!)
    .slice(0, OTHERS);
