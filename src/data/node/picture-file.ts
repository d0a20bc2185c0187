/** The files of pictures as bytes: regular files only, and none that no picture within bounds could fill. */
import { hashFile } from '../../node/hash.ts';
import { readRegular } from '../../node/regular.ts';

/** More than 100 million pixels of four samples of 16 bits. */
const MOST_PICTURE_BYTES = 2 ** 30;

/** The bytes of a picture's file. @throws as `readRegular` */
export const readPicture = (file: string): Promise<Uint8Array> => readRegular(file, MOST_PICTURE_BYTES);

/** SHA-256 of a picture's file. @throws as `hashFile` */
export const hashPicture = (file: string): Promise<string> => hashFile(file, MOST_PICTURE_BYTES);
