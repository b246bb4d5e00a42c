/**
 * The builder asks its session about everything that a build starts from before it looks for it (BuildKit's source policies). We allow
 * all of it, and use the moment to have images made ready.
 */
import { PolicyAction } from '../../../api/gen/github.com/moby/buildkit/sourcepolicy/pb/policy.ts';
import { PolicyVerifierDefinition } from '../../../api/gen/github.com/moby/buildkit/sourcepolicy/policysession/policysession.ts';
import type { Timestamp } from '../../../api/gen/google/protobuf/timestamp.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';
import type { BuildStatus } from '../control.ts';

/**
 * Makes an image ready.
 *
 * @param reference as the builder names it
 * @param platform os/arch[/variant]; empty: whatever the daemon's is
 * @param signal aborted when the build is over
 */
export type SourcePreparer = (reference: string, platform: string, signal: AbortSignal) => Promise<void>;

const IMAGE = 'docker-image://';
/** Milliseconds after which an image that is being made ready is shown as a step: most are here. */
const SHOW_AFTER = 500;

/**
 * Serves the questions. An image that cannot be made ready fails the build.
 *
 * @param onStatus told of an image that takes its time, as of a step of the builder's
 * @param signal aborted when the build is over
 */
export function serveSources(
  server: RpcServer,
  prepare: SourcePreparer,
  onStatus: (status: BuildStatus) => void,
  signal: AbortSignal,
): void {
  // A build asks for the same image once for its configuration and once for its layers, and as often as it has stages.
  const asked = new Map<string, Promise<void>>();
  const tell = (status: BuildStatus) => {
    // A build that is over shows nothing any more, not even what was cut by its end.
    if (!signal.aborted) onStatus(status);
  };
  const once = (reference: string, platform: string) => {
    const key = `${reference} ${platform}`;
    const known = asked.get(key) ?? shown(key.trimEnd(), prepare(reference, platform, signal), tell);
    asked.set(key, known);
    return known;
  };
  server.add(PolicyVerifierDefinition, {
    checkPolicy: async ({ Source, Platform }) => {
      const identifier = Source?.Source?.identifier ?? '';
      if (identifier.startsWith(IMAGE)) {
        const parts = [Platform?.OS, Platform?.Architecture, Platform?.Variant];
        await once(identifier.slice(IMAGE.length), parts.filter(Boolean).join('/'));
      }
      return {
        result: { $case: 'decision', value: { action: PolicyAction.ALLOW, denyMessages: [], update: undefined } },
      };
    },
  });
}

/** Waits for the work, and shows it as a step when it takes long. */
async function shown(what: string, work: Promise<void>, onStatus: (status: BuildStatus) => void): Promise<void> {
  const started = now();
  let isShown = false;
  const show = (completed: Timestamp | undefined, error: string) => {
    isShown = true;
    const step = { digest: `pull ${what}`, name: `[internal] pull ${what}`, inputs: [], cached: false };
    const vertex = { ...step, started, completed, error, progressGroup: undefined };
    onStatus({ vertexes: [vertex], statuses: [], logs: [], warnings: [] });
  };
  const timer = setTimeout(() => show(undefined, ''), SHOW_AFTER);
  try {
    await work;
    if (isShown) show(now(), '');
  } catch (error) {
    if (isShown) show(now(), (error as Error).message);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function now(): Timestamp {
  const ms = Date.now();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}
