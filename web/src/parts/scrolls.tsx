/** What is wider or taller than its place: it scrolls by itself, and can be reached and scrolled by keyboard. */
import type { ComponentChildren } from 'preact';

interface Props {
  label: string;
  /** Bound in its height. */
  tall?: boolean;
  children: ComponentChildren;
}

export function Scrolls({ label, tall, children }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it no key reaches what scrolls (axe: scrollable-region-focusable).
    <section class={tall ? 'scrolls tall' : 'scrolls'} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
