/**
 * Names from outside (of files, classes, tensors) as people may see them. A name that is printed raw can forge a line of
 * output, paint over another one, or turn its letters round.
 */

/**
 * What is no character to look at: control characters, breaks between lines, what turns the direction of writing, marks
 * without width, halves of surrogate pairs, and what XML forbids. (The joiners U+200C and U+200D belong to writing.)
 */
const UNSEEN =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u00ad\u200b\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]/gu;

/** `name` with what cannot be seen as JSON would escape it: a line break as \n, U+202E as \u202e. */
export function shown(name: string): string {
  return name.replace(UNSEEN, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}

/** JSON of two spaces, in which nothing is unseen either; `JSON.parse` gives back what went in. */
export function shownJson(value: unknown): string {
  return JSON.stringify(value, null, 2).split('\n').map(shown).join('\n');
}
