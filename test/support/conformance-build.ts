/** One case of test/conformance as a command line of k3c and as one of buildctl. */
import { join } from 'node:path';
import type { Case } from './conformance-cases.ts';

/** Where what a case needs lies. */
export interface CaseFiles {
  readonly context: string;
  /** Holds a file for every secret and a socket for every ssh id. */
  readonly side: string;
  readonly metadata: string;
}

/** Words after `k3c build`. */
export function k3cArguments(test: Case, { context, side, metadata }: CaseFiles): string[] {
  const each = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value]);
  const pairs = (record: Readonly<Record<string, string>> | undefined) =>
    Object.entries(record ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    ...each('--build-arg', pairs(test.buildArguments)),
    ...each('--label', pairs(test.labels)),
    ...each(
      '--secret',
      Object.keys(test.secrets ?? {}).map((id) => `id=${id},src=${join(side, id)}`),
    ),
    ...each(
      '--ssh',
      (test.ssh ?? []).map((id) => `${id}=${join(side, id)}`),
    ),
    ...each('--allow', test.allow ?? []),
    ...each(
      '--build-context',
      Object.entries(test.contexts ?? {}).map(([name, at]) => `${name}=${located(context, at)}`),
    ),
    ...each(
      '--add-host',
      Object.entries(test.addHosts ?? {}).map(([name, ip]) => `${name}:${ip}`),
    ),
    ...(test.target === undefined ? [] : ['--target', test.target]),
    ...(test.platform === undefined ? [] : ['--platform', test.platform]),
    ...(test.ulimit === undefined ? [] : ['--ulimit', test.ulimit]),
    ...(test.shmSize === undefined ? [] : ['--shm-size', String(test.shmSize)]),
    ...['-t', `conformance/${test.name}`, '--metadata-file', metadata, '--progress', 'plain', context],
  ];
}

/** Words after `buildctl --addr ADDRESS build`. */
export function buildctlArguments(test: Case, { context, side, metadata }: CaseFiles): string[] {
  const options = new Map<string, string>([['image-resolve-mode', 'local']]);
  for (const [key, value] of Object.entries(test.buildArguments ?? {})) options.set(`build-arg:${key}`, value);
  for (const [key, value] of Object.entries(test.labels ?? {})) options.set(`label:${key}`, value);
  if (test.target !== undefined) options.set('target', test.target);
  if (test.platform !== undefined) options.set('platform', test.platform);
  if (test.ulimit !== undefined) options.set('ulimit', test.ulimit);
  if (test.shmSize !== undefined) options.set('shm-size', String(test.shmSize));
  if (test.addHosts !== undefined) {
    options.set(
      'add-hosts',
      Object.entries(test.addHosts)
        .map(([name, ip]) => `${name}=${ip}`)
        .join(','),
    );
  }
  const locals = new Map([
    ['context', context],
    ['dockerfile', context],
  ]);
  for (const [name, at] of Object.entries(test.contexts ?? {})) {
    if (at.includes('://')) options.set(`context:${name}`, at);
    else {
      options.set(`context:${name}`, `local:${name}`);
      locals.set(name, located(context, at));
    }
  }
  return [
    ...['--progress', 'plain', '--frontend', 'dockerfile.v0', '--metadata-file', metadata],
    ...[...locals].flatMap(([name, path]) => ['--local', `${name}=${path}`]),
    ...[...options].flatMap(([key, value]) => ['--opt', `${key}=${value}`]),
    ...Object.keys(test.secrets ?? {}).flatMap((id) => ['--secret', `id=${id},src=${join(side, id)}`]),
    ...(test.ssh ?? []).flatMap((id) => ['--ssh', `${id}=${join(side, id)}`]),
    ...(test.allow ?? []).flatMap((each) => ['--allow', each]),
    ...['--output', `type=image,name=docker.io/conformance/${test.name}:latest,unpack=true,compression=zstd`],
  ];
}

function located(context: string, at: string): string {
  return at.includes('://') ? at : join(context, at);
}
