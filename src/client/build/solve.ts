/** One build: a session, the solve, and its status, until all three have ended. */
import type { Readable } from 'node:stream';
import { Code, K3cError, toK3cError } from '../../api/errors.ts';
import type { Connection } from '../../api/rpc/client.ts';
import { RpcServer } from '../../api/rpc/server.ts';
import type { Metadata } from '../../api/rpc/types.ts';
import type { ImageLayout } from './content/layout.ts';
import type { ContextSource } from './context/source.ts';
import { type BuildStatus, type ControlClient, controlClient } from './control.ts';
import { BuildError, failedVertex, fromStatusDetails } from './error.ts';
import { recordedError } from './history.ts';
import { type ClientOutput, FILE_SEND_PATH, fileSendHandler } from './session/file-send.ts';
import { fileSyncHandler } from './session/file-sync.ts';
import { newId } from './session/id.ts';
import type { RawHandler } from './session/raw-call.ts';
import {
  type CredentialsLookup,
  checkSecrets,
  type SecretSource,
  serveAuth,
  serveSecrets,
} from './session/services.ts';
import { Session } from './session/session.ts';
import type { SourcePreparer } from './session/sources.ts';
import type { SshAgents } from './session/ssh.ts';
import { UPLOAD_PATH, uploadHandler } from './session/upload.ts';
import { StatusFollower } from './status-follower.ts';

/** Milliseconds without a status after which a failed solve's Status call is given up: its job may never have existed. */
const STATUS_PATIENCE = 750;

/** A typed set of attributes: an exporter, or a cache to read or write. */
export interface TypedAttributes {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface BuildRequest {
  readonly frontend: string;
  readonly frontendAttributes: Readonly<Record<string, string>>;
  /** Local contexts by the name the frontend uses. */
  readonly contexts: ReadonlyMap<string, ContextSource>;
  readonly exporters: readonly (TypedAttributes & { readonly output?: ClientOutput | undefined })[];
  readonly cacheImports: readonly TypedAttributes[];
  readonly cacheExports: readonly TypedAttributes[];
  readonly entitlements: readonly string[];
  readonly secrets: ReadonlyMap<string, SecretSource>;
  readonly ssh: SshAgents;
  readonly uploads: Map<string, Readable>;
  readonly credentials: CredentialsLookup;
  /** Told of every image before the builder looks for it; absent: the builder finds all of them by itself. */
  readonly prepareSource?: SourcePreparer | undefined;
  readonly sharedKey: string;
  /** Whether BuildKit keeps a record of the build, which holds errors too large for a reply; writing it takes its time. */
  readonly isRecorded: boolean;
  /** Image layouts of the client by the id of the store the daemon asks for. */
  readonly layouts: ReadonlyMap<string, ImageLayout>;
  /** Ask the frontend this instead of building (`frontend.lint` …). */
  readonly requestId?: string | undefined;
}

/** What BuildKit's exporters report, by their own keys (`containerimage.digest` …); with a `requestId` the frontend's answer. */
export type ExporterResponse = Readonly<Record<string, string>>;

/**
 * Runs a build to its end.
 *
 * @param onStatus told of every status message, also of those after a failure
 * @param signal cancels the solve; the call then waits for the daemon to stop and throws CANCELLED
 * @throws BuildError what the builder reports; K3cError when the connection is lost
 */
export async function solve(
  connection: Connection,
  request: BuildRequest,
  onStatus: (status: BuildStatus) => void,
  signal: AbortSignal,
): Promise<ExporterResponse> {
  signal.throwIfAborted();
  checkSecrets(request.secrets);
  const control = controlClient(connection);
  const over = new AbortController();
  const session = await openSession(connection, request, onStatus, over.signal);
  const ref = newId();
  const follower = new StatusFollower(control, ref, onStatus);
  try {
    const response =
      request.requestId === undefined
        ? await solveOnce(control, ref, session.id, request, signal)
        : await answerOf(connection, control, ref, session.id, request, request.requestId, signal);
    await follower.done;
    return response;
  } catch (error) {
    follower.lingerFor(STATUS_PATIENCE);
    await follower.done;
    if (signal.aborted) throw new K3cError(Code.CANCELLED, 'canceled', { cause: error });
    throw await explain(control, ref, error, follower);
  } finally {
    follower.stop();
    over.abort();
    session.close();
  }
}

async function solveOnce(
  control: ControlClient,
  ref: string,
  session: string,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<ExporterResponse> {
  let trailers: Metadata = [];
  const exporters = request.exporters.map(({ type, attributes }) => ({ Type: type, Attrs: { ...attributes } }));
  const cache = (entries: readonly TypedAttributes[]) =>
    entries.map(({ type, attributes }) => ({ Type: type, Attrs: { ...attributes } }));
  const imports = cache(request.cacheImports);
  const attributes = { ...request.frontendAttributes };
  // The frontend reads the imports too, to decide about inline caches.
  if (imports.length > 0) attributes['cache-imports'] = JSON.stringify(imports);
  try {
    const { ExporterResponse } = await control.solve(
      {
        Ref: ref,
        Session: session,
        Frontend: request.frontend,
        FrontendAttrs: attributes,
        Exporters: exporters,
        ExporterDeprecated: exporters[0]?.Type ?? '',
        ExporterAttrsDeprecated: exporters[0]?.Attrs ?? {},
        Cache: { Imports: imports, Exports: cache(request.cacheExports) },
        Entitlements: [...request.entitlements],
        Internal: !request.isRecorded,
        SourcePolicySession: request.prepareSource === undefined ? '' : session,
      },
      {
        signal,
        onTrailers: (fields) => {
          trailers = fields;
        },
      },
    );
    return ExporterResponse;
  } catch (error) {
    throw fromStatusDetails(toK3cError(error), trailers);
  }
}

/** A solve without frontend or outputs, in which the frontend is asked. */
async function answerOf(
  connection: Connection,
  control: ControlClient,
  ref: string,
  session: string,
  request: BuildRequest,
  requestId: string,
  signal: AbortSignal,
): Promise<ExporterResponse> {
  const { frontend, frontendAttributes } = request;
  const empty = { ...request, frontend: '', frontendAttributes: {}, exporters: [], cacheExports: [], cacheImports: [] };
  const { askFrontend } = await import('./subrequest.ts');
  const solved = solveOnce(control, ref, session, empty, signal);
  const attributes = { ...frontendAttributes, requestid: requestId };
  return await askFrontend(connection, ref, { frontend, attributes }, solved, signal);
}

/** Finds the builder's own words for a failure that reached us cut off. */
async function explain(
  control: ControlClient,
  ref: string,
  error: unknown,
  follower: StatusFollower,
): Promise<K3cError> {
  const failure = toK3cError(error);
  // The details of an error quote the whole Dockerfile; with a large one the stream is reset instead of answered.
  const wasReset = failure.code === Code.INTERNAL || isStreamError(failure.cause);
  if (failure.remote || failure instanceof BuildError || !wasReset) return failure;
  const recorded = await recordedError(control, ref);
  if (recorded !== undefined) return recorded;
  const vertex = failedVertex(follower.vertexErrors);
  return vertex === undefined ? failure : new BuildError(Code.UNKNOWN, vertex, [], undefined);
}

/** The reset was our own: the header block was too large for this side. */
function isStreamError(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ERR_HTTP2_STREAM_ERROR' || code === 'ERR_HTTP2_ERROR';
}

async function openSession(
  connection: Connection,
  request: BuildRequest,
  onStatus: (status: BuildStatus) => void,
  over: AbortSignal,
): Promise<Session> {
  const services = new RpcServer();
  const streams = new Map<string, RawHandler>();
  serveAuth(services, request.credentials);
  serveSecrets(services, request.secrets);
  const { prepareSource } = request;
  if (prepareSource !== undefined)
    (await import('./session/sources.ts')).serveSources(services, prepareSource, onStatus, over);
  if (request.ssh.size > 0) (await import('./session/ssh.ts')).serveSsh(services, streams, request.ssh);
  if (request.layouts.size > 0) (await import('./content/serve.ts')).serveContent(services, request.layouts);
  streams.set('/moby.filesync.v1.FileSync/DiffCopy', fileSyncHandler(request.contexts));
  if (request.uploads.size > 0) streams.set(UPLOAD_PATH, uploadHandler(request.uploads));
  const outputs = new Map<number, ClientOutput>();
  for (const [index, { output }] of request.exporters.entries()) if (output !== undefined) outputs.set(index, output);
  if (outputs.size > 0) streams.set(FILE_SEND_PATH, fileSendHandler(outputs));
  return new Session(connection, { sharedKey: request.sharedKey, services, streams });
}
