/** An update: how far a layer's parameters move, and a few of their values by the optimiser's formula. */

import { Scrolls } from '../../parts/scrolls.tsx';
import type { LayerSeen, OptimiserFacts } from '../../step.ts';
import { FORMULAS, figure, updated } from './numbers.ts';

export function Update({ layer, optimiser }: { layer: LayerSeen; optimiser: OptimiserFacts }) {
  const learning = layer.parameters.filter(({ learns }) => learns);
  const [shown] = learning;
  return (
    <>
      <Scrolls label="How far its parameters move">
        <table>
          <thead>
            <tr>
              <th scope="col">Parameter</th>
              <th scope="col">Values</th>
              <th scope="col">Norm</th>
              <th scope="col">Norm of the gradient</th>
              <th scope="col">Norm of the change</th>
              <th scope="col">Change / norm</th>
            </tr>
          </thead>
          <tbody>
            {learning.map(({ name, size, norm, gradient, update }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{size.toLocaleString('en')}</td>
                <td>{figure(norm)}</td>
                <td>{figure(gradient!)}</td>
                <td>{figure(update!)}</td>
                <td>{norm > 0 ? figure(update! / norm) : 'from 0'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
      <p class="formula">
        <code>
          {optimiser.name}: {FORMULAS[optimiser.name]}
        </code>
        <br />
        <code>{settingsText(optimiser)}</code>
      </p>
      <p>
        {optimiser.name === 'AdamW'
          ? 'At the first step m / (1 − β₁) is g and √(v / (1 − β₂)) is |g|: every weight moves by about the rate, whatever the size of its gradient. Later steps average over those before.'
          : 'At the first step the momentum m is the gradient itself, so a weight moves in proportion to its gradient. Later steps add what the ones before left: m = 0.9·m + g.'}
      </p>
      <Scrolls label={`Values of ${shown!.name}`}>
        <table>
          <caption class="muted small">
            Values of {shown!.name}, those of the largest gradients among its first 4,096: by the formula, and
            as the GPU left them
          </caption>
          <thead>
            <tr>
              <th scope="col">Place</th>
              <th scope="col">Before</th>
              <th scope="col">Gradient</th>
              <th scope="col">Formula</th>
              <th scope="col">Gives</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {shown!.samples.map((sample) => {
              const { value, text } = updated(optimiser, sample);
              return (
                <tr key={sample.index}>
                  <th scope="row">{sample.index}</th>
                  <td>{figure(sample.before, 6)}</td>
                  <td>{figure(sample.gradient)}</td>
                  <td>{text}</td>
                  <td>{figure(value, 6)}</td>
                  <td>{figure(sample.after, 6)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scrolls>
    </>
  );
}

const settingsText = (facts: OptimiserFacts): string =>
  facts.name === 'SGD'
    ? `rate ${facts.rate}, momentum ${facts.momentum}`
    : `rate ${facts.rate}, β₁ ${facts.beta1}, β₂ ${facts.beta2}, ε ${figure(facts.eps)}, λ ${facts.weightDecay}`;
