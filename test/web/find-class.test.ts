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
  ['cardigan', 474],
  ['Cardigan', 264],
  ['t', null],
  ['tabby dog', null],
  ['', null],
] as const)
  test(`'${typed}' is ${index === null ? 'none' : `class ${index}`}`, () => {
    assert.is(findClass(typed, IMAGENET_CLASSES), index);
  });

test('of classes that are called by numbers the name counts, not the place', () => {
  const classes = ['1', '10', '2'];
  assert.equal(
    ['1', '10', '2', '0'].map((typed) => findClass(typed, classes)),
    [0, 1, 2, 0],
  );
});

test.run();
