/** k3c.v1 as one server: each service on its engine. */
import {
  ContainersDefinition,
  ImagesDefinition,
  NetworksDefinition,
  PodsDefinition,
  SystemDefinition,
  VolumesDefinition,
} from '../api/gen/k3c.ts';
import { RpcServer } from '../api/rpc/server.ts';
import type { Log } from '../host/log.ts';
import type { ContainerEngine } from './engine/containers/engine.ts';
import type { EventBus } from './engine/events/bus.ts';
import type { TellingImageEngine } from './engine/images/image-events.ts';
import type { HostNetwork } from './engine/network/host-network.ts';
import { networkEngine } from './engine/networks/networks.ts';
import type { storageEngine } from './engine/storage/storage.ts';
import { volumeEngine } from './engine/volumes/volumes.ts';
import type { Paths } from './paths.ts';
import { containersService } from './services/containers.ts';
import { imagesService } from './services/images.ts';
import { networksService } from './services/networks.ts';
import { podsService } from './services/pods.ts';
import { systemService } from './services/system.ts';
import { volumesService } from './services/volumes.ts';
import type { State } from './state/database.ts';

export interface RpcParts {
  readonly log: Log;
  readonly state: State;
  readonly events: EventBus;
  readonly paths: Paths;
  readonly containers: ContainerEngine;
  readonly images: TellingImageEngine;
  readonly network: HostNetwork;
  readonly storage: ReturnType<typeof storageEngine>;
  readonly facts: Parameters<typeof systemService>[0];
  /** What a call waits for before it is begun. */
  readonly gate: (path: string) => Promise<void> | undefined;
}

/** Nothing is opened: the server handles the streams that it is given. */
export function createRpc(parts: RpcParts): RpcServer {
  const { log, state, events, paths, containers, images, network, storage, facts, gate } = parts;
  const networks = networkEngine({ state, host: network, events });
  const volumes = volumeEngine({ state, events, paths });
  const onError: ConstructorParameters<typeof RpcServer>[0] = (path, error) =>
    log.debug({ path, code: error.code, reason: error.reason }, error.message);
  return new RpcServer(onError, gate)
    .add(ContainersDefinition, containersService(containers))
    .add(ImagesDefinition, imagesService(images))
    .add(SystemDefinition, systemService(facts, events, storage))
    .add(NetworksDefinition, networksService(networks, containers))
    .add(PodsDefinition, podsService(containers.pods))
    .add(VolumesDefinition, volumesService(volumes));
}
