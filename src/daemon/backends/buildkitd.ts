/** BuildKit's control service, on its private socket: readiness, disk usage, prune. Builds themselves are the client's. */
import { ControlDefinition } from '../../api/gen/github.com/moby/buildkit/api/services/control/control.ts';
import { Channel } from './grpc.ts';

export type Buildkitd = ReturnType<typeof connectBuildkitd>;

/** What is asked of its cache. */
export interface BuildCacheCalls {
  readonly control: Pick<Buildkitd['control'], 'diskUsage' | 'prune'>;
}

/** A typed client of buildkitd on a unix socket; nothing is dialled before the first call. */
export function connectBuildkitd(socketPath: string) {
  const channel = new Channel('buildkitd', socketPath);
  return { control: channel.client(ControlDefinition), close: () => channel.close() };
}
