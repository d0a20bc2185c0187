/** What every page has to be, and names that try to be more than text on it. */
import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { shown } from '../../src/text/shown.ts';

/** What is markup in a name, in every way that a page could take it for some. */
export const EVIL = `</script><script>alert(1)</script>"'><img src=http://x onerror=alert(1)>&lt;\u202e\u0007]]>--><svg onload=x>`;

/** What a page is to be, as far as one can tell from its text: see each line. */
export function faultsOf(html: string): string[] {
  const { document } = parseHTML(html);
  const all = (selector: string): Element[] => [...document.querySelectorAll(selector)];
  const faults: string[] = [];
  const expect = (right: boolean, fault: string): void => {
    if (!right) faults.push(fault);
  };
  for (const line of html.split('\n'))
    expect(shown(line) === line, `unseen characters: ${line.slice(0, 80)}`);
  const said = html.replaceAll(EVIL, '').replace(/<script>[\s\S]*?<\/script>/, '');
  expect(!/\b(NaN|undefined|Infinity|\[object)\b/.test(said), 'no number or no text');

  // Nothing from outside: every address is within the page or a picture in it, and there is one script.
  for (const element of all('[src],[href],[action],[style],[srcset],[data]'))
    for (const attribute of ['src', 'href', 'action', 'style', 'srcset', 'data'])
      expect(
        /^(#[a-z][a-z\d-]*|data:image\/jpeg;base64,[\w+/=]+)$/.test(element.getAttribute(attribute) ?? '#x'),
        `${element.tagName} ${attribute}`,
      );
  expect(all('script').length === 1 && all('style').length === 1, 'one script, one style');
  expect(all('iframe,object,embed,link,base,form').length === 0, 'elements that load');
  for (const element of all('*'))
    for (const { name } of element.attributes) expect(!name.startsWith('on'), `${element.tagName} ${name}`);
  const policy = document.querySelector('meta[http-equiv]')!.getAttribute('content')!;
  for (const [tag, directive] of [
    ['script', 'script-src'],
    ['style', 'style-src'],
  ]) {
    const hash = createHash('sha256').update(document.querySelector(tag)!.textContent!).digest('base64');
    expect(policy.includes(`${directive} 'sha256-${hash}'`), `the policy does not allow the ${tag}`);
  }

  // Everybody: one heading of the page, none is skipped, landmarks, names of what has one.
  const levels = all('h1,h2,h3,h4').map(({ tagName }) => Number(tagName[1]));
  expect(levels.filter((level) => level === 1).length === 1, 'one h1');
  for (const [i, level] of levels.entries())
    expect(level <= (levels[i - 1] ?? 0) + 1, `h${level} after h${levels[i - 1]}`);
  for (const landmark of [
    'header',
    'nav[aria-label]',
    'main#main',
    'footer',
    'html[lang]',
    'a.skip[href="#main"]',
  ])
    expect(all(landmark).length === 1, landmark);
  for (const image of all('img')) expect(Boolean(image.getAttribute('alt')), 'a picture without words');
  for (const svg of all('svg'))
    expect(
      svg.getAttribute('aria-hidden') === 'true' ||
        (/^(img|group)$/.test(svg.getAttribute('role') ?? '') && Boolean(svg.getAttribute('aria-label'))),
      'a chart without words',
    );
  for (const table of all('table')) {
    expect(Boolean(table.querySelector('caption')?.textContent), 'a table without a caption');
    expect(
      [...table.querySelectorAll('th')].every((cell) => cell.hasAttribute('scope')),
      'th without scope',
    );
    const widths = [...table.querySelectorAll('tr')].map(({ children }) => children.length);
    expect(new Set(widths).size === 1, `rows of ${widths}`);
  }
  for (const input of all('input'))
    expect(all(`label[for="${input.id}"]`).length === 1, 'an input without label');
  for (const details of all('details')) expect(details.firstElementChild?.tagName === 'SUMMARY', 'summary');
  const ids = all('[id]').map(({ id }) => id);
  expect(new Set(ids).size === ids.length, 'an id twice');
  for (const link of all('a')) expect(ids.includes(link.getAttribute('href')!.slice(1)), 'a link to nothing');
  // Well-formed: what was opened is closed, in order.
  const open: string[] = [];
  const tags = html
    .replace(/<(script|style)>[\s\S]*?<\/\1>/g, '')
    .matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|'[^']*'|[^>"'])*?(\/?)>/g);
  for (const [, close, name, empty] of tags)
    if (close) expect(open.pop() === name, `</${name}>`);
    else if (!empty && !['meta', 'img', 'input', 'br'].includes(name)) open.push(name);
  expect(open.length === 0, `open: ${open}`);
  return faults;
}
