/** BuildKit's control service as a build uses it. */
import {
  ControlDefinition,
  type StatusResponse,
} from '../../api/gen/github.com/moby/buildkit/api/services/control/control.ts';
import { type Connection, createClient } from '../../api/rpc/client.ts';
import type { Client } from '../../api/rpc/types.ts';

export type ControlClient = Client<typeof ControlDefinition>;

/** One message of a build's status. */
export type BuildStatus = StatusResponse;

/** The typed client on a connection to buildkitd or to the gateway. */
export function controlClient(connection: Connection): ControlClient {
  return createClient(ControlDefinition, connection);
}
