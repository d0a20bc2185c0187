/** Where it can't run: why, and what to do about it in this browser, on this system. */
import { advice } from '../advice.ts';
import { begin } from '../state.ts';

export function Trouble({ message }: { message: string }) {
  const { secure, steps } = advice(navigator.userAgent, isSecureContext, location);
  return (
    <section class="trouble" aria-labelledby="trouble">
      <h2 id="trouble">This page cannot compute here</h2>
      <p class="fault">{message}</p>
      <p>
        {secure
          ? 'What helps in this browser:'
          : 'A page from plain http on a network has neither WebGPU nor a camera. Ways out:'}
      </p>
      <ol>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <button type="button" onClick={() => void begin()}>
        Try again
      </button>
    </section>
  );
}
