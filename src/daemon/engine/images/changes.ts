/** `import -c` and `commit -c`: Dockerfile instructions that change an image's configuration. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { OciRunConfig } from './oci.ts';

type Mutable = { -readonly [K in keyof OciRunConfig]: OciRunConfig[K] };
type Apply = (config: Mutable, rest: string, fail: (why: string) => never) => void;

const instructions: Readonly<Record<string, Apply>> = {
  CMD: (config, rest) => {
    config.Cmd = commandForm(rest);
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = commandForm(rest);
  },
  ENV: (config, rest, fail) => {
    const env = new Map((config.Env ?? []).map((each) => [each.slice(0, each.indexOf('=')), each] as const));
    for (const [key, value] of keyValues(rest, fail)) env.set(key, `${key}=${value}`);
    config.Env = [...env.values()];
  },
  LABEL: (config, rest, fail) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(keyValues(rest, fail)) };
  },
  EXPOSE: (config, rest, fail) => {
    const ports: Record<string, unknown> = { ...config.ExposedPorts };
    for (const word of words(rest)) {
      const [, port, protocol] = /^(\d+)(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? fail(`${word} is not a port`);
      ports[`${port}/${(protocol ?? 'tcp').toLowerCase()}`] = {};
    }
    config.ExposedPorts = ports;
  },
  VOLUME: (config, rest) => {
    const paths = jsonList(rest) ?? words(rest);
    config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  },
  USER: (config, rest) => {
    config.User = rest;
  },
  WORKDIR: (config, rest) => {
    config.WorkingDir = rest.startsWith('/') ? rest : `${config.WorkingDir ?? ''}/${rest}`;
  },
  STOPSIGNAL: (config, rest) => {
    config.StopSignal = rest;
  },
  ONBUILD: (config, rest) => {
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
};

/** Applies instructions in order. Throws INVALID_ARGUMENT for one that docker does not take here either. */
export function applyChanges(config: OciRunConfig, changes: readonly string[]): OciRunConfig {
  const changed: Mutable = { ...config };
  for (const change of changes) {
    const [, word = '', rest = ''] = /^\s*(\S*)\s*([\s\S]*?)\s*$/.exec(change) ?? [];
    const fail = (why: string): never => {
      throw new K3cError(Code.INVALID_ARGUMENT, `cannot apply change ${JSON.stringify(change)}: ${why}`, {
        reason: 'bad-input',
      });
    };
    const apply = instructions[word.toUpperCase()] ?? fail(`${word.toLowerCase()} is not a valid change command`);
    if (rest === '') fail(`${word} needs an argument`);
    apply(changed, rest, fail);
  }
  return changed;
}

/** A JSON list is the command itself; anything else goes to a shell, as in a Dockerfile. */
function commandForm(rest: string): readonly string[] {
  return jsonList(rest) ?? ['/bin/sh', '-c', rest];
}

function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;
  } catch {
    // Not JSON: the Dockerfile rule is that it is a shell command then.
    return undefined;
  }
}

/** Words with quotes and backslashes as a Dockerfile has them. */
function words(text: string): string[] {
  const found = text.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\[\s\S]|[^\s"'\\])+/g) ?? [];
  return found.map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\([\s\S])/g, (_, double?: string, single?: string, bare?: string) =>
      double !== undefined ? double.replace(/\\(["\\$])/g, '$1') : (single ?? bare ?? ''),
    ),
  );
}

/** `a=b c="d e"`, or the old form `key value with spaces`. */
function keyValues(text: string, fail: (why: string) => never): [string, string][] {
  const list = words(text);
  const [first = ''] = list;
  if (!first.includes('=')) {
    const [, key = '', value = ''] = /^(\S+)\s+([\s\S]+)$/.exec(text) ?? fail('it needs key=value');
    return [[key, value]];
  }
  return list.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) fail(`${JSON.stringify(word)} is not key=value`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}
