/** Which class of a thousand a reader means. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { IMAGENET_CLASSES } from '../../src/weights/catalog/imagenet-classes.ts';
import { findClass } from '../../web/src/parts/find-class.ts';

const test = suite('web/find-class');

for (const [typed, index] of [
  ['tabby', 281],
  [' Tabby ', 281],
  ['tabb', 281],
  ['281', 281],
  ['1000', null],
  ['t', null],
  ['tabby dog', null],
  ['', null],
] as const)
  test(`'${typed}' is ${index === null ? 'none' : `class ${index}`}`, () => {
    assert.is(findClass(typed, IMAGENET_CLASSES), index);
  });

test.run();
