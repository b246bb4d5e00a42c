/** --security-opt on the side of the client: a seccomp profile is a file of the user's (docker/cli, parseSecurityOpts). */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../errors.ts';
import { fileError } from '../file-error.ts';

/** Options that are whole without a value. */
const WORDS = ['no-new-privileges', 'writable-cgroups'];
/** What seccomp= takes that is no file. */
const PROFILES = ['unconfined', 'builtin'];

/** An option as the daemon wants it: the text of a profile in the place of its file. Throws CliError in docker's words. */
export async function readSecurityOption(text: string, cwd: string): Promise<string> {
  const at = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
  if (at < 0 && !WORDS.includes(text)) throw new CliError(`Invalid --security-opt: "${text}"`);
  const file = text.slice(at + 1);
  if (text.slice(0, Math.max(at, 0)) !== 'seccomp' || PROFILES.includes(file)) return text;
  let profile: string;
  try {
    profile = await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw new CliError(`opening seccomp profile (${file}) failed: ${fileError(file, cause).message}`, { cause });
  }
  try {
    JSON.parse(profile);
  } catch (cause) {
    throw new CliError(`compacting json for seccomp profile (${file}) failed: ${(cause as Error).message}`, { cause });
  }
  return `seccomp=${compact(profile)}`;
}

/** Without the white space between its words; its numbers stay as they are written. */
function compact(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
}
