/** The daemon's API as the client sees it. */
import { ContainersDefinition, ImagesDefinition, SystemDefinition } from '../api/gen/k3c.ts';
import { Connection, createClient } from '../api/rpc/client.ts';

export type K3cClient = ReturnType<typeof connectK3c>;

/**
 * Typed clients on one connection to k3c.sock; nothing is dialled before the first call.
 * @param builderPath BuildKit's own socket, for whoever may dial it (the daemon itself): builds need not pass the gateway then
 */
export function connectK3c(socketPath: string, builderPath?: string) {
  const connection = Connection.unix(socketPath);
  const builder = builderPath === undefined ? connection : Connection.unix(builderPath);
  return {
    containers: createClient(ContainersDefinition, connection),
    images: createClient(ImagesDefinition, connection),
    system: createClient(SystemDefinition, connection),
    /** For BuildKit's services. */
    builder,
    close() {
      connection.close();
      builder.close();
    },
  };
}
