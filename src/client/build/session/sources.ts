/**
 * The builder asks its session about everything that a build starts from before it looks for it (BuildKit's source policies). We allow
 * all of it, and use the moment to have images made ready.
 */

import { PolicyAction } from '../../../api/gen/github.com/moby/buildkit/sourcepolicy/pb/policy.ts';
import { PolicyVerifierDefinition } from '../../../api/gen/github.com/moby/buildkit/sourcepolicy/policysession/policysession.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';

/**
 * Makes an image ready.
 *
 * @param reference as the builder names it
 * @param platform os/arch[/variant]; empty: whatever the daemon's is
 * @param signal aborted when the build is over
 */
export type SourcePreparer = (reference: string, platform: string, signal: AbortSignal) => Promise<void>;

const IMAGE = 'docker-image://';

/**
 * Serves the questions. An image that cannot be made ready fails the build.
 * @param signal aborted when the build is over
 */
export function serveSources(server: RpcServer, prepare: SourcePreparer, signal: AbortSignal): void {
  // A build asks for the same image once for its configuration and once for its layers, and as often as it has stages.
  const asked = new Map<string, Promise<void>>();
  const once = (reference: string, platform: string) => {
    const key = `${reference} ${platform}`;
    const known = asked.get(key) ?? prepare(reference, platform, signal);
    asked.set(key, known);
    return known;
  };
  server.add(PolicyVerifierDefinition, {
    checkPolicy: async ({ Source, Platform }) => {
      const identifier = Source?.Source?.identifier ?? '';
      if (identifier.startsWith(IMAGE)) {
        const parts = [Platform?.OS, Platform?.Architecture, Platform?.Variant].filter((part) => part !== undefined);
        await once(identifier.slice(IMAGE.length), parts.filter((part) => part !== '').join('/'));
      }
      return {
        result: { $case: 'decision', value: { action: PolicyAction.ALLOW, denyMessages: [], update: undefined } },
      };
    },
  });
}
