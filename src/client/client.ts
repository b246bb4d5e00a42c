/** The daemon's API as the client sees it. */
import { ContainersDefinition, ImagesDefinition, SystemDefinition } from '../api/gen/k3c.ts';
import { Connection, createClient } from '../api/rpc/client.ts';

export type K3cClient = ReturnType<typeof connectK3c>;

/** Typed clients on one connection to k3c.sock; nothing is dialled before the first call. */
export function connectK3c(socketPath: string) {
  const connection = Connection.unix(socketPath);
  return {
    containers: createClient(ContainersDefinition, connection),
    images: createClient(ImagesDefinition, connection),
    system: createClient(SystemDefinition, connection),
    /** The connection itself, for BuildKit's services. */
    connection,
    close: () => connection.close(),
  };
}
