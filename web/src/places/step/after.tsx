/** What came of a step: the loss on the same pictures before and after, and what each is taken for. */

import { percent, shortName } from '../../parts/bars.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import type { StepSeen } from '../../step.ts';
import { figure } from './numbers.ts';

export function After({ seen }: { seen: StepSeen }) {
  const { loss, lossAfter, answering, pictures, labels, classes } = seen;
  const { before, after } = answering;
  return (
    <>
      <Scrolls label="The loss before and after">
        <table>
          <thead>
            <tr>
              <th scope="col">Loss on these pictures</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">In training mode, the same units dropped</th>
              <td>{figure(loss, 5)}</td>
              <td class={lossAfter > loss ? 'departs' : undefined}>{figure(lossAfter, 5)}</td>
            </tr>
            <tr>
              <th scope="row">As it answers, in evaluation mode</th>
              <td>{figure(before.loss, 5)}</td>
              <td class={after.loss > before.loss ? 'departs' : undefined}>{figure(after.loss, 5)}</td>
            </tr>
          </tbody>
        </table>
      </Scrolls>
      <p>
        {lossAfter < loss
          ? 'The step made the loss that it looked at smaller.'
          : 'The step made the loss larger: it went too far. A smaller rate goes less far.'}{' '}
        These are the pictures that it learnt from; whether it helps with others, only pictures that were held
        out can say.
        {after.loss > before.loss &&
          lossAfter < loss &&
          ' In evaluation mode it is larger: the running statistics, by which norms answer, have hardly followed the batch yet.'}
      </p>
      <Scrolls label="Each picture before and after">
        <table>
          <thead>
            <tr>
              <th scope="col">Picture</th>
              <th scope="col">Its class</th>
              <th scope="col">Share before</th>
              <th scope="col">Share after</th>
            </tr>
          </thead>
          <tbody>
            {pictures.map((name, i) => (
              <tr key={i}>
                <th scope="row">{name}</th>
                <td>{shortName(classes[labels[i]!]!)}</td>
                <td>{percent(before.probabilities[i]!)}</td>
                <td>{percent(after.probabilities[i]!)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
    </>
  );
}
