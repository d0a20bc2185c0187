/** The camera: what it sees, and a button that makes a picture of it. It is off as soon as this is not shown. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Photo } from '../contract.ts';

/** What a refusal of the browser means and what to do, by the name of its error. */
const REFUSALS: Record<string, string> = {
  NotAllowedError: 'The browser does not let this page use the camera; allow it beside the address.',
  NotFoundError: 'There is no camera on this machine.',
  NotReadableError: 'The camera is in use by another program.',
};

let taken = 0;

/** Milliseconds between the pictures of a burst. */
const BETWEEN = 150;

interface Props {
  onPictures: (photos: readonly Photo[]) => void;
  /** Pictures that a press takes. Default 1. */
  burst?: number;
}

export function Camera({ onPictures, burst = 1 }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const fault = useSignal<string | null>(null);
  const running = useSignal(false);
  useEffect(() => {
    let stream: MediaStream | null = null;
    let gone = false;
    const stop = (): void => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const start = async (): Promise<void> => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      if (gone) return stop();
      video.current!.srcObject = stream;
      await video.current!.play();
      running.value = true;
    };
    start().catch(({ name, message }: Error) => {
      if (!gone) fault.value = REFUSALS[name] ?? `The camera cannot be used: ${message}.`;
    });
    return () => {
      gone = true;
      stop();
    };
  }, [fault, running]);
  const shoot = async (): Promise<void> => {
    for (let left = burst; left > 0 && video.current; left--) {
      const { videoWidth: width, videoHeight: height } = video.current;
      const canvas = new OffscreenCanvas(width, height);
      canvas.getContext('2d')!.drawImage(video.current, 0, 0);
      onPictures([{ name: `camera-${++taken}.png`, blob: await canvas.convertToBlob() }]);
      if (left > 1) await new Promise((later) => setTimeout(later, BETWEEN));
    }
  };
  if (fault.value) return <p class="fault">{fault.value}</p>;
  return (
    <div class="camera">
      <video ref={video} playsInline muted aria-label="What the camera sees" />
      <button type="button" disabled={!running.value} onClick={() => void shoot()}>
        {burst > 1 ? `Take ${burst} pictures` : 'Take the picture'}
      </button>
    </div>
  );
}
