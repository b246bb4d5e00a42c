/** The services of containerd and its CRI plugin, on its private socket, in namespace k8s.io. */

import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { ContainersDefinition } from '../../api/gen/services/containers/v1/containers.ts';
import { ContentDefinition } from '../../api/gen/services/content/v1/content.ts';
import { DiffDefinition } from '../../api/gen/services/diff/v1/diff.ts';
import { EventsDefinition } from '../../api/gen/services/events/v1/events.ts';
import { ImagesDefinition } from '../../api/gen/services/images/v1/images.ts';
import { IntrospectionDefinition } from '../../api/gen/services/introspection/v1/introspection.ts';
import { LeasesDefinition } from '../../api/gen/services/leases/v1/leases.ts';
import { NamespacesDefinition } from '../../api/gen/services/namespaces/v1/namespace.ts';
import { SnapshotsDefinition } from '../../api/gen/services/snapshots/v1/snapshots.ts';
import { StreamingDefinition } from '../../api/gen/services/streaming/v1/streaming.ts';
import { TasksDefinition } from '../../api/gen/services/tasks/v1/tasks.ts';
import { TransferDefinition } from '../../api/gen/services/transfer/v1/transfer.ts';
import { VersionDefinition } from '../../api/gen/services/version/v1/version.ts';
import { Channel } from './grpc.ts';

/** The one containerd namespace: what CRI uses, and so what run, build and images use. */
export const NAMESPACE = 'k8s.io';

export type Containerd = ReturnType<typeof connectContainerd>;

/** Typed clients of containerd on a unix socket; nothing is dialled before the first call. */
export function connectContainerd(socketPath: string) {
  const channel = new Channel('containerd', socketPath, { 'containerd-namespace': NAMESPACE });
  return {
    cri: channel.client(RuntimeServiceDefinition),
    criImages: channel.client(ImageServiceDefinition),
    containers: channel.client(ContainersDefinition),
    content: channel.client(ContentDefinition),
    diff: channel.client(DiffDefinition),
    events: channel.client(EventsDefinition),
    images: channel.client(ImagesDefinition),
    introspection: channel.client(IntrospectionDefinition),
    leases: channel.client(LeasesDefinition),
    namespaces: channel.client(NamespacesDefinition),
    snapshots: channel.client(SnapshotsDefinition),
    streaming: channel.client(StreamingDefinition),
    tasks: channel.client(TasksDefinition),
    transfer: channel.client(TransferDefinition),
    version: channel.client(VersionDefinition),
    /** Whether calls find it; see Channel. */
    isConnected: () => channel.isConnected,
    connected: (timeoutMs: number) => channel.connected(timeoutMs),
    close: () => channel.close(),
  };
}
