/**
 * The error for what was given and is bad: an option, a file, a folder, a setting. Trying again with the same cannot help,
 * which is what the commands' exit code 64 says (cli/main.ts). Refusals that may heal (a full disk, a folder that another
 * process holds, a network, a device) are errors of other classes.
 */

/** What was given is bad; the message is a sentence that names it and says what to do. */
export class InputError extends Error {
  override name = 'InputError';
}
