/**
 * `--call`: a question about a build (checks, outline, targets) that the frontend answers without building. Control.Solve alone
 * gives no metadata back, so it is left without a frontend and this side drives it through the gateway, as buildctl drives every build.
 */
import { toK3cError } from '../../api/errors.ts';
import { LLBBridgeDefinition } from '../../api/gen/github.com/moby/buildkit/frontend/gateway/pb/gateway.ts';
import { Status } from '../../api/gen/google/rpc/status.ts';
import { type Connection, createClient } from '../../api/rpc/client.ts';
import type { Client, Metadata } from '../../api/rpc/types.ts';
import { fromStatusDetails } from './error.ts';

/** Says which job a gateway call belongs to (buildkit client/buildid). */
const BUILD_ID = 'buildkit-controlapi-buildid';

export interface FrontendQuestion {
  readonly frontend: string;
  /** `requestid` among them. */
  readonly attributes: Readonly<Record<string, string>>;
}

type Bridge = Client<typeof LLBBridgeDefinition>;

/**
 * Asks the frontend within a solve that was started without one, and ends that solve.
 *
 * @param ref the solve's reference; the daemon waits some seconds for its job to appear
 * @param solved the solve's own call: when it fails first, its error is the one that counts
 * @returns the answer's metadata (`result.json`, `result.txt`, `result.statuscode` …)
 * @throws BuildError what the frontend reports
 */
export async function askFrontend(
  connection: Connection,
  ref: string,
  question: FrontendQuestion,
  solved: Promise<unknown>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const bridge = createClient(LLBBridgeDefinition, connection);
  const asking = new AbortController();
  const both = AbortSignal.any([signal, asking.signal]);
  const refused = solved.then(() => new Promise<never>(() => undefined));
  try {
    const answer = ask(bridge, ref, question, both);
    // Whichever comes second is of no interest once the other one has failed.
    answer.catch(() => undefined);
    return await Promise.race([answer, refused]);
  } finally {
    asking.abort();
    // The solve ends with our Return; without waiting, its job would outlive the session.
    await solved.catch(() => undefined);
  }
}

async function ask(
  bridge: Bridge,
  ref: string,
  question: FrontendQuestion,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const metadata: Metadata = [[BUILD_ID, ref]];
  let trailers: Metadata = [];
  try {
    const { result } = await bridge.solve(
      {
        Frontend: question.frontend,
        FrontendOpt: { ...question.attributes },
        allowResultReturn: true,
        allowResultArrayRef: true,
      },
      {
        signal,
        metadata,
        onTrailers: (fields) => {
          trailers = fields;
        },
      },
    );
    await bridge.return({ result: {} }, { signal, metadata });
    const entries = Object.entries(result?.metadata ?? {});
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value).toString('utf8')]));
  } catch (error) {
    const failure = toK3cError(error);
    if (!signal.aborted) {
      const status = Status.fromPartial({ code: failure.code, message: failure.message });
      // The solve waits for this word. When it cannot be said the connection is gone, and the solve with it.
      await bridge.return({ error: status }, { signal, metadata }).catch(() => undefined);
    }
    throw fromStatusDetails(failure, trailers);
  }
}
