/** k3c.v1's container messages out of the engine's records. */
import type { ContainerSummary } from '../../api/gen/k3c.ts';
import { familiar } from '../../api/reference.ts';
import { networkNames } from '../engine/containers/network-mode.ts';
import { toldExposed, toldPorts } from '../engine/containers/ports.ts';
import { argv, isUp, visibleState } from '../engine/containers/summary.ts';
import type { ContainerRecord } from '../engine/containers/types.ts';

/** A line of `ps`; sizes are 0 unless they were asked for. */
export function toSummary(
  record: ContainerRecord,
  usage?: { readonly writable: bigint; readonly rootFs: bigint },
  health = 'none',
  pod = '',
) {
  const { config } = record;
  return {
    id: record.id,
    name: record.name,
    image: shownImage(record),
    imageId: record.imageId,
    command: argv(record).join(' '),
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    state: visibleState(record),
    exitCode: record.exitCode,
    ports: toldPorts(record).map((port) => ({ ...port, hostPortEnd: 0 })),
    labels: { ...config.labels },
    networks: [...networkNames(record)],
    mounts: config.mounts.map(({ type, source, target, readOnly, propagation, volume }) => ({
      type,
      source: volume !== '' ? volume : type === 'tmpfs' ? '' : source,
      target,
      readOnly,
      propagation,
      mustExist: false,
      tmpfsOptions: type === 'tmpfs' ? source : '',
      noCopy: false,
      relabel: false,
      volumeDriver: '',
      volumeOptions: {},
      volumeLabels: {},
      volumeSubpath: '',
      bindRecursive: '',
    })),
    ip: record.ip,
    exposedPorts: toldExposed(record).map((port) => {
      const [number, protocol = 'tcp'] = port.split('/', 2);
      return {
        hostIp: '',
        hostPort: 0,
        hostPortEnd: 0,
        containerPort: Number.parseInt(number ?? '0', 10),
        protocol,
      };
    }),
    health: isUp(record) && health !== 'none' ? health : '',
    sizeRw: usage?.writable ?? 0n,
    sizeRootFs: usage?.rootFs ?? 0n,
    pod,
    podId: record.spec.pod,
  } satisfies ContainerSummary;
}

/** As the user named it; docker shows an id short. */
function shownImage({ spec, imageRef, imageId }: ContainerRecord): string {
  if (imageRef === imageId || spec.image.startsWith('sha256:')) return imageId.replace('sha256:', '').slice(0, 12);
  return spec.image === '' ? familiar(imageRef) : spec.image;
}
