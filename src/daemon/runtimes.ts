/** OCI runtimes besides our own runc, as dockerd's configuration names them. */
import { isAbsolute } from 'node:path';
import { Code, K3cError } from '../api/errors.ts';

/** Absolute paths of programs that speak runc's command line, by the name that --runtime takes. */
export type Runtimes = Readonly<Record<string, string>>;

/** Reads NAME=PATH. Throws INVALID_ARGUMENT naming the one that is wrong. */
export function parseRuntimes(texts: readonly string[]): Runtimes {
  const runtimes: Record<string, string> = {};
  for (const text of texts) {
    const [, name = '', path = ''] = /^([a-zA-Z0-9][\w.-]*)=(.+)$/.exec(text) ?? [];
    if (!isAbsolute(path)) throw bad(`invalid runtime: "${text}"; it takes NAME=PATH, with an absolute path`);
    if (name === 'runc') throw bad("runtime name 'runc' is reserved: it is the one inside k3c");
    if (name in runtimes) throw bad(`runtime ${name} is registered twice`);
    runtimes[name] = path;
  }
  return runtimes;
}

/** The `runtimes` of config.yaml as NAME=PATH: docker's form, or a path alone. Throws INVALID_ARGUMENT. */
export function runtimesOfFile(value: unknown, file: string): string[] {
  if (value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    throw bad(`key "runtimes" in ${file} takes NAME: {path: PATH}`);
  return Object.entries(value as Record<string, unknown>).map(([name, entry]) => {
    if (typeof entry === 'string') return `${name}=${entry}`;
    const { path, ...others } = (entry ?? {}) as Record<string, unknown>;
    if (typeof path !== 'string' || Object.keys(others).length > 0)
      throw bad(`key "runtimes" in ${file}: ${name} takes path alone`);
    return `${name}=${path}`;
  });
}

function bad(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}
