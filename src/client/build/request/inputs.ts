/** Finds the build's contexts and its Dockerfile, in all the forms `build` takes them (docker/buildx, loadInputs). */
import { createReadStream, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ImageLayout } from '../content/layout.ts';
import { type ContextSource, directorySource, memorySource } from '../context/source.ts';
import { newId } from '../session/id.ts';
import { uploadUrl } from '../session/upload.ts';
import type { BuildHost, BuildOptions } from './options.ts';
import { isArchive, peek, readAll } from './stdin.ts';

const DOCKERFILE = 'Dockerfile';

export interface BuildInputs {
  readonly contexts: Map<string, ContextSource>;
  readonly attributes: Record<string, string>;
  readonly uploads: Map<string, Readable>;
  /** Image layouts that are named contexts, by the id of their store. */
  readonly layouts: Map<string, ImageLayout>;
  /** Names the context among those of this machine for the daemon's cache of transferred files. */
  readonly sharedKey: string;
  /** Bytes of the Dockerfile; undefined while only the daemon can see it. */
  dockerfileSize: number | undefined;
}

/** Looks at what the options name and reads standard input as far as needed. Throws with docker's sentences. */
export async function prepareInputs(options: BuildOptions, host: BuildHost): Promise<BuildInputs> {
  const inputs: BuildInputs = {
    contexts: new Map(),
    attributes: {},
    uploads: new Map(),
    layouts: new Map(),
    sharedKey: await sharedKey(resolve(host.cwd, options.context)),
    dockerfileSize: undefined,
  };
  const dockerfile = options.dockerfile === '' ? undefined : options.dockerfile;
  if (options.context === '-') await fromStdin(inputs, dockerfile, host);
  else if (isDirectory(resolve(host.cwd, options.context))) {
    await fromDirectory(inputs, realpathSync(resolve(host.cwd, options.context)), dockerfile, host);
  } else if (isRemote(options.context)) await fromRemote(inputs, options.context, dockerfile, host);
  else {
    throw new K3cError(Code.NOT_FOUND, `unable to prepare context: path ${JSON.stringify(options.context)} not found`);
  }
  for (const [name, value] of options.namedContexts) await addNamedContext(inputs, name, value, host);
  return inputs;
}

async function fromStdin(inputs: BuildInputs, dockerfile: string | undefined, host: BuildHost): Promise<void> {
  if (dockerfile === '-') {
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      "invalid argument: can't use stdin for both build context and dockerfile",
    );
  }
  const { head, whole } = await peek(host.stdin());
  if (isArchive(head)) {
    const id = newId();
    inputs.uploads.set(id, whole);
    inputs.attributes['context'] = uploadUrl(id);
    inputs.attributes['filename'] = dockerfile ?? DOCKERFILE;
    return;
  }
  if (dockerfile !== undefined) {
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      'ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles',
    );
  }
  inputs.contexts.set('context', memorySource(new Map()));
  setDockerfile(inputs, await readAll(whole));
}

async function fromDirectory(
  inputs: BuildInputs,
  directory: string,
  dockerfile: string | undefined,
  host: BuildHost,
): Promise<void> {
  inputs.contexts.set('context', directorySource(directory));
  if (dockerfile === '-') {
    setDockerfile(inputs, await readAll(host.stdin()));
    return;
  }
  const path = dockerfile === undefined ? resolve(directory, DOCKERFILE) : resolve(host.cwd, dockerfile);
  if (dockerfile !== undefined && isOurs(path)) setDockerfile(inputs, await readAll(createReadStream(path)));
  else setDockerfilePath(inputs, path);
}

/** `-f <(…)`, `-f /dev/stdin`: what only this process can read, and maybe only once. */
function isOurs(path: string): boolean {
  if (/^\/(?:dev\/(?:fd\/|stdin$)|proc\/self\/fd\/)/.test(path)) return true;
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

async function fromRemote(
  inputs: BuildInputs,
  url: string,
  dockerfile: string | undefined,
  host: BuildHost,
): Promise<void> {
  inputs.attributes['context'] = url;
  if (dockerfile === '-') setDockerfile(inputs, await readAll(host.stdin()));
  else if (dockerfile !== undefined && isAbsolute(dockerfile)) {
    setDockerfilePath(inputs, dockerfile);
    inputs.attributes['dockerfilekey'] = 'dockerfile';
  } else inputs.attributes['filename'] = dockerfile ?? DOCKERFILE;
}

function setDockerfilePath(inputs: BuildInputs, path: string): void {
  const directory = dirname(path);
  if (!isDirectory(directory)) {
    throw new K3cError(Code.NOT_FOUND, `unable to read Dockerfile: no such directory ${directory}`);
  }
  inputs.contexts.set('dockerfile', directorySource(realpathSync(directory)));
  inputs.attributes['filename'] = basename(path);
  // A missing one is BuildKit's to tell.
  inputs.dockerfileSize = statSync(path, { throwIfNoEntry: false })?.size;
}

function setDockerfile(inputs: BuildInputs, content: Buffer): void {
  inputs.contexts.set('dockerfile', memorySource(new Map([[DOCKERFILE, content]])));
  inputs.attributes['filename'] = DOCKERFILE;
  inputs.attributes['dockerfilekey'] = 'dockerfile';
  inputs.dockerfileSize = content.length;
}

async function addNamedContext(inputs: BuildInputs, name: string, value: string, host: BuildHost): Promise<void> {
  const key = `context:${name}`;
  if (value.startsWith('docker-image://')) inputs.attributes[key] = value;
  else if (value.startsWith('target:')) {
    // Refused whether the Dockerfile uses it or not: BuildKit knows none either, and says so only where it is used.
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      `--build-context ${name}=${value}: only a bake file has targets to build from`,
      {
        hint: 'a stage of this Dockerfile is named with FROM or COPY --from; of another, build an image or a directory first',
      },
    );
  } else if (value.startsWith('oci-layout://')) {
    inputs.attributes[key] = await addLayout(inputs, value, host);
  } else if (isDirectory(resolve(host.cwd, value))) {
    inputs.contexts.set(name, directorySource(realpathSync(resolve(host.cwd, value))));
    inputs.attributes[key] = `local:${name}`;
  } else if (isRemote(value)) inputs.attributes[key] = value;
  else {
    throw new K3cError(Code.NOT_FOUND, `failed to get build context ${name}: path ${JSON.stringify(value)} not found`);
  }
}

/** `oci-layout://PATH[:TAG][@DIGEST]` → the same with the id of a store of this session and the digest. */
async function addLayout(inputs: BuildInputs, value: string, host: BuildHost): Promise<string> {
  const match = /^oci-layout:\/\/(.*?)(?::([\w][\w.-]*))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(value);
  const [, path = '', tag, digest] = match ?? [];
  // Loaded only when needed: it brings node:crypto with it.
  const { ImageLayout } = await import('../content/layout.ts');
  const layout = new ImageLayout(resolve(host.cwd, path));
  const found = digest ?? (await layout.find(tag ?? 'latest'))?.digest ?? (await layout.find(undefined))?.digest;
  if (found === undefined) throw new K3cError(Code.NOT_FOUND, `oci-layout reference ${value} could not be resolved`);
  const store = newId();
  inputs.layouts.set(`oci:${store}`, layout);
  return `oci-layout://${store}@${found}`;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A URL, or a git repository in one of the short forms BuildKit knows. */
export function isRemote(text: string): boolean {
  if (/^(https?|git|ssh):\/\//.test(text) || text.startsWith('github.com/')) return true;
  return /^[\w.-]+@[\w.-]+:/.test(text);
}

/**
 * The daemon keeps the files of each key and transfers only what changed, so a key must stand for one directory of one
 * machine. It travels in a header, so it must be printable ASCII.
 */
async function sharedKey(path: string): Promise<string> {
  let machine: string;
  try {
    machine = await readFile('/etc/machine-id', 'utf8');
  } catch {
    // Containers and small systems have none; the host's name tells machines apart well enough.
    machine = hostname();
  }
  return encodeURIComponent(`${machine.trim()} ${path}`);
}
