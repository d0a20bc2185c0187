#!/usr/bin/env node
/**
 * Tessera's launcher: `node bin/tessera.mjs <command> …`, which the npm scripts and the `tessera` bin call.
 *
 * This file only checks the version of Node, in words that an old Node can still read; launcher.mjs does the rest.
 */
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 6)) {
  console.error(
    `error: Tessera needs Node 20.6 or newer, and this is Node ${process.versions.node}. ` +
      'Install a current one from https://nodejs.org or with your version manager.',
  );
  process.exitCode = 1;
} else {
  import('./launcher.mjs').then(({ launch }) => launch(process.argv.slice(2)));
}
