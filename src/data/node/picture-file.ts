/** The files of pictures as bytes: regular files only, and none that no picture within bounds could fill. */
import { createHash } from 'node:crypto';
import { hashFile } from '../../node/hash.ts';
import { readRegular } from '../../node/regular.ts';
import { PICTURE_MARK } from '../picture-set.ts';

/** More than 100 million pixels of four samples of 16 bits. */
const MOST_PICTURE_BYTES = 2 ** 30;

/** The bytes of a picture's file. @throws as `readRegular` */
export const readPicture = (file: string): Promise<Uint8Array> => readRegular(file, MOST_PICTURE_BYTES);

/** SHA-256 of a picture's file. @throws as `hashFile` */
export const hashPicture = (file: string): Promise<string> => hashFile(file, MOST_PICTURE_BYTES);

/** What stands for a picture in a `PictureSet`. */
export const markOf = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest().subarray(0, PICTURE_MARK);
