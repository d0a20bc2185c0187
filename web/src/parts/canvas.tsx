/** Pixels that the worker made, drawn as they are. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Pixels } from '../contract.ts';

interface Props {
  pixels: Pixels;
  /** What it shows, for who does not see it. */
  label: string;
  /** Each pixel a square, where it is enlarged. */
  crisp?: boolean;
}

export function PixelCanvas({ pixels, label, crisp }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height, data } = pixels;
  useLayoutEffect(() => {
    canvas.current!.getContext('2d')!.putImageData(new ImageData(data, width, height), 0, 0);
  }, [data, width, height]);
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      class={crisp ? 'crisp' : undefined}
      width={width}
      height={height}
    />
  );
}
