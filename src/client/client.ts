/** The daemon's API as the client sees it. */
import type { Duplex } from 'node:stream';
import {
  ContainersDefinition,
  ImagesDefinition,
  NetworksDefinition,
  PodsDefinition,
  SystemDefinition,
  VolumesDefinition,
} from '../api/gen/k3c.ts';
import { Connection, createClient } from '../api/rpc/client.ts';
import { createLocalClient } from '../api/rpc/local.ts';
import type { RpcServer } from '../api/rpc/server.ts';
import type { Client, ServiceDefinition } from '../api/rpc/types.ts';

export type K3cClient = ReturnType<typeof connectK3c>;

/** What a command inside the daemon reaches without the daemon's public socket. */
export interface Inside {
  /** The handlers of k3c.v1. */
  readonly rpc: RpcServer;
  /** Dials BuildKit itself: builds need not pass the gateway then. */
  readonly builder: () => Duplex;
}

/**
 * Typed clients on k3c.sock; nothing is dialled before the first call.
 * @param inside given by the daemon for its own commands: their calls are made without a connection
 */
export function connectK3c(socketPath: string, inside?: Inside) {
  const connection = Connection.unix(socketPath);
  // Never the same connection: the gateway relays one whose calls are all for BuildKit.
  const builder = inside === undefined ? Connection.unix(socketPath) : new Connection(inside.builder, socketPath);
  const client = <S extends ServiceDefinition>(service: S): Client<S> =>
    inside === undefined ? createClient(service, connection) : createLocalClient(service, inside.rpc);
  return {
    containers: client(ContainersDefinition),
    images: client(ImagesDefinition),
    networks: client(NetworksDefinition),
    pods: client(PodsDefinition),
    system: client(SystemDefinition),
    volumes: client(VolumesDefinition),
    /** For BuildKit's services. */
    builder,
    close() {
      connection.close();
      builder.close();
    },
  };
}
