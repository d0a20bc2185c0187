/** Files that a user of the page has: photographs, weights of a network so small that it answers at once, and hostile ones. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { givenDecision } from '../../src/train/evaluation/threshold.ts';
import { saveTinyCheckpoint } from '../cli/tiny-checkpoint.ts';

/** The path of a photograph that ships. */
export const photo = (name: string): string => new URL(`../../data/photos/${name}`, import.meta.url).pathname;

/** Hands files to the page, as its button does. */
export const choose = (page: Page, files: string | string[]): Promise<void> =>
  page.locator('input[type=file]').setInputFiles(files);

/** A file of weights whose classes are two sides, and files that are none. */
export async function withFiles(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-files-'));
  try {
    await saveTinyCheckpoint(join(folder, 'sides.safetensors'), ['left side', 'right side'], {
      decision: givenDecision('right side', 0.01),
    });
    const whole = readFileSync(join(folder, 'sides.safetensors'));
    writeFileSync(join(folder, 'cut.safetensors'), whole.subarray(0, whole.length - 100));
    writeFileSync(join(folder, 'evil.pth'), 'cos\nsystem\n(S"rm -rf /"\ntR.');
    writeFileSync(join(folder, 'not.jpg'), 'no picture');
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
