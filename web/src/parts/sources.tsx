/** Where pictures come from: files that a reader chooses, and the camera. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Photo } from '../contract.ts';
import { Camera } from './camera.tsx';

interface Props {
  /** On the button of the files, and what it says to who does not see where it stands. */
  label: string;
  spoken?: string;
  accept: string;
  onFiles: (files: Iterable<File>) => void;
  onPictures: (photos: readonly Photo[]) => void;
  /** Pictures that a press of the camera's button takes. */
  burst?: number;
  /** What stands beside the buttons, and below them. */
  children?: ComponentChildren;
  below?: ComponentChildren;
}

export function Sources({ label, spoken, accept, onFiles, onPictures, burst, children, below }: Props) {
  const camera = useSignal(false);
  return (
    <>
      <div class="row">
        <FileButton label={label} spoken={spoken} accept={accept} multiple onFiles={onFiles} />
        <button
          type="button"
          aria-expanded={camera.value}
          onClick={() => {
            camera.value = !camera.value;
          }}
        >
          {camera.value ? 'Close the camera' : 'Camera'}
        </button>
        {children}
      </div>
      {below}
      {camera.value && <Camera burst={burst} onPictures={onPictures} />}
    </>
  );
}

interface FileProps extends Pick<Props, 'label' | 'accept' | 'onFiles'> {
  spoken?: string | undefined;
  multiple?: boolean;
}

/** A button that asks for files. */
export function FileButton({ label, spoken, accept, multiple, onFiles }: FileProps) {
  return (
    <label class="button">
      {label}
      <input
        type="file"
        multiple={multiple}
        accept={accept}
        aria-label={spoken}
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </label>
  );
}
