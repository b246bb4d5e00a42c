/** `build` as the client does it: from what the user asked for to a finished image or output. */
import type { Connection } from '../../api/rpc/client.ts';
import { lookupCredentials } from '../credentials/lookup.ts';
import type { BuildStatus } from './control.ts';
import { frontendRequest } from './request/attributes.ts';
import { prepareCaches } from './request/caches.ts';
import { exportersOf } from './request/exporters.ts';
import { prepareInputs } from './request/inputs.ts';
import type { BuildHost, BuildOptions } from './request/options.ts';
import { sshAgents } from './request/ssh-agents.ts';
import { type BuildRequest, type ExporterResponse, solve } from './solve.ts';

/**
 * Bytes of a Dockerfile up to which an error fits into the reply of Solve, with the whole file and a step as long as it: the reply holds
 * 64 kB encoded. Such a build needs no record, and one in which nothing changed takes half the time without.
 */
const UNRECORDED_LIMIT = 8 << 10;

export interface PreparedBuild {
  readonly request: BuildRequest;
  /** Directories of local caches that are not there yet. */
  readonly skippedCaches: readonly string[];
  /** What is left to write on this side once the build has succeeded. */
  finish(response: ExporterResponse, onNotice: (text: string) => void): Promise<void>;
  /** To be called at the end, however the build ended. */
  close(): Promise<void>;
}

/**
 * Turns options into a request: finds contexts, opens standard input, checks outputs. Nothing is sent yet.
 *
 * @throws K3cError INVALID_ARGUMENT or NOT_FOUND for what cannot be done as asked
 */
export async function prepareBuild(asked: BuildOptions, host: BuildHost): Promise<PreparedBuild> {
  const options = withProxies(
    asked.call === undefined ? asked : withoutOutputs(asked),
    (await host.dockerConfig()).proxies,
  );
  const { frontend, attributes, entitlements } = frontendRequest(options);
  const preparing = host.sourcePreparer?.(options.pull);
  // Its failure is met below, unless something fails before.
  preparing?.catch(() => undefined);
  const { exporters, layouts: outputs, finish: finishOutputs } = await exportersOf(options, host);
  const ssh = await sshAgents(options.ssh, host);
  const caches = await prepareCaches(options, host);
  const inputs = await prepareInputs(options, host);
  const prepareSource = await preparing;
  // What is pulled for the builder it must not ask its registry for: that it could not do in the first place.
  if (prepareSource !== undefined) attributes['image-resolve-mode'] = 'local';
  const request: BuildRequest = {
    frontend,
    frontendAttributes: { ...attributes, ...inputs.attributes },
    contexts: inputs.contexts,
    exporters,
    cacheImports: caches.imports,
    cacheExports: caches.exports,
    layouts: new Map([...caches.layouts, ...outputs, ...inputs.layouts]),
    entitlements,
    secrets: options.secrets,
    ssh,
    uploads: inputs.uploads,
    credentials: async (registry, ended) =>
      (await lookupCredentials(registry, await host.dockerConfig(), host.env, ended)) ??
      (await host.configuredCredentials?.(registry)),
    prepareSource,
    sharedKey: inputs.sharedKey,
    isRecorded: inputs.dockerfileSize === undefined || inputs.dockerfileSize > UNRECORDED_LIMIT,
    requestId: options.call === undefined ? undefined : `frontend.${options.call}`,
  };
  return {
    request,
    skippedCaches: caches.skipped,
    async finish(response, onNotice) {
      await caches.finish(response, onNotice);
      await finishOutputs(response);
    },
    close: () => caches.close(),
  };
}

/** Proxies of docker's configuration are build arguments, unless the user gives one of that name in any case (docker/buildx). */
function withProxies(options: BuildOptions, proxies: Readonly<Record<string, string>>): BuildOptions {
  const given = new Set(Object.keys(options.buildArguments).map((name) => name.toUpperCase()));
  const added = Object.entries(proxies).filter(([name]) => !given.has(name));
  return { ...options, buildArguments: { ...Object.fromEntries(added), ...options.buildArguments } };
}

/** A question writes nothing. */
function withoutOutputs(options: BuildOptions): BuildOptions {
  return { ...options, outputs: [{ type: 'cacheonly', destination: '', attributes: {} }], push: false, cacheTo: [] };
}

export interface BuildListener {
  onStatus(status: BuildStatus): void;
  /** Something the user should know that is no failure. */
  onNotice(text: string): void;
}

/** Runs a build (see `solve` for cancelling and errors). */
export async function build(
  connection: Connection,
  options: BuildOptions,
  host: BuildHost,
  listener: BuildListener,
  signal: AbortSignal,
): Promise<ExporterResponse> {
  const prepared = await prepareBuild(options, host);
  for (const directory of prepared.skippedCaches) {
    listener.onNotice(`WARNING: local cache import at ${directory} skipped: there is no cache there`);
  }
  try {
    const response = await solve(connection, prepared.request, (status) => listener.onStatus(status), signal);
    await prepared.finish(response, (text) => listener.onNotice(text));
    return response;
  } finally {
    await prepared.close();
  }
}
