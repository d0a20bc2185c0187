/**
 * Code on the pages, taken from the programs under examples/, which the tests run as a user would. A page asks for one by
 *
 *   <!-- example own-op.ts -->
 *   <!-- end -->
 *
 * and gets the program without the comment that heads it.
 */
import { existsSync, readFileSync } from 'node:fs';

const folder = new URL('../../examples/', import.meta.url);

/** `page` with every marked example filled in. Throws where it asks for one that does not exist. */
export function fillExamples(page: string): string {
  return page.replace(/^<!-- example (\S+) -->[\s\S]*?<!-- end -->$/gm, (_, name: string) => {
    const file = new URL(name, folder);
    if (!existsSync(file)) throw new Error(`there is no example called ${name}`);
    const program = readFileSync(file, 'utf8').replace(/^\/\*\*[\s\S]*?\*\/\n/, '');
    return `<!-- example ${name} -->\n\`\`\`ts\n${program}\`\`\`\n<!-- end -->`;
  });
}
