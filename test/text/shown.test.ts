/** Names from outside as people may see them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shown, shownJson } from '../../src/text/shown.ts';

const test = suite('text: shown');

const CASES: [what: string, name: string, seen: string][] = [
  ['a plain name', 'naïve 犬 — ünïcode.jpg', 'naïve 犬 — ünïcode.jpg'],
  ['backslash and quotes', '\\ " \'', '\\ " \''],
  ['joined signs and Indic joiners', '👩‍🔬 क्‍ष', '👩‍🔬 क्‍ष'],
  ['a line break', 'a\nerror: b', 'a\\nerror: b'],
  ['carriage return and tab', 'a\r\tb', 'a\\r\\tb'],
  ['a terminal’s commands', '\u001b[2J\u0007\u007f\u009b1A', '\\u001b[2J\\u0007\\u007f\\u009b1A'],
  ['a name turned round', 'cat\u202egpj.exe\u202c', 'cat\\u202egpj.exe\\u202c'],
  ['isolates and marks', '\u2066\u2069\u200e\u200f\u061c', '\\u2066\\u2069\\u200e\\u200f\\u061c'],
  ['breaks of Unicode', 'a\u0085b\u2028c\u2029d', 'a\\u0085b\\u2028c\\u2029d'],
  ['no width', 'ca\u200bt\u00ad\ufeff\u2060', 'ca\\u200bt\\u00ad\\ufeff\\u2060'],
  ['half a pair', 'a\ud83d', 'a\\ud83d'],
  ['what XML forbids', '\u0000\uffff', '\\u0000\\uffff'],
];

for (const [what, name, seen] of CASES)
  test(`${what}`, () => {
    assert.is(shown(name), seen);
    assert.is(shown(shown(name)), seen, 'twice is once');
  });

test('JSON is valid, hides nothing, and gives back what went in', () => {
  const value = { classes: CASES.map(([, name]) => name), [CASES[4]![1]]: 1 };
  const text = shownJson(value);
  assert.equal(JSON.parse(text), value);
  assert.is(text.split('\n').map(shown).join('\n'), text);
});

test.run();
