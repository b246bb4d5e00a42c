/**
 * What a kubelet may see. It kills every pod on its CRI that it does not know, and its garbage collection removes images
 * that no container in its lists uses; so k3c's pods are left out of the lists and the images it must leave are `pinned`.
 * Everything else, calls by id included, passes unchanged.
 */
import {
  Container,
  ContainerEventResponse,
  ContainerStats,
  Image,
  PodSandbox,
  PodSandboxMetrics,
  PodSandboxStats,
  PullImageResponse,
} from '../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { LABEL_ID } from '../engine/containers/cri-config.ts';
import type { Rewrite } from './forward.ts';
import { appendTrue, mapItems } from './wire.ts';

export interface KubeletView {
  /** Whether a sandbox is k3c's, for the answers that carry no labels (metrics, events of removed sandboxes). */
  readonly isOwn: (podSandboxId: string) => boolean;
  /** Whether the kubelet's garbage collection must leave an image: every one that the kubelet did not pull itself, or that k3c uses. */
  readonly isPinned: (image: { id: string; repoTags: string[]; repoDigests: string[] }) => boolean;
  /** Told the id of each image that was pulled through the kubelet's socket. Must not throw. */
  readonly onPulled: (imageId: string) => void;
}

/** Field number of `pinned` in runtime.v1.Image. */
const PINNED = 8;

/** The repeated field of every list answer of CRI, plain or streamed. */
const ITEMS = 1;

type Labels = { readonly [name: string]: string } | undefined;

/** What to do with the answers of a method, or undefined where they pass as they are. */
export function kubeletRewrite(path: string, view: KubeletView): Rewrite | undefined {
  const slash = path.lastIndexOf('/');
  const service = path.slice(1, slash);
  const method = path.slice(slash + 1);
  if (service === 'runtime.v1.RuntimeService') return runtimeRewrite(method, view);
  if (service === 'runtime.v1.ImageService') return imageRewrite(method, view);
  return undefined;
}

function runtimeRewrite(method: string, view: KubeletView): Rewrite | undefined {
  const hide = (isOwn: (item: Buffer) => boolean): Rewrite => {
    return (message) => mapItems(message, ITEMS, (item) => (isOwn(item) ? undefined : item));
  };
  switch (method) {
    case 'ListPodSandbox':
    case 'StreamPodSandboxes':
      return hide((item) => isOwn(PodSandbox.decode(item).labels));
    case 'ListContainers':
    case 'StreamContainers':
      return hide((item) => isOwn(Container.decode(item).labels));
    case 'ListPodSandboxStats':
    case 'StreamPodSandboxStats':
      return hide((item) => isOwn(PodSandboxStats.decode(item).attributes?.labels));
    case 'ListContainerStats':
    case 'StreamContainerStats':
      return hide((item) => isOwn(ContainerStats.decode(item).attributes?.labels));
    case 'ListPodSandboxMetrics':
    case 'StreamPodSandboxMetrics':
      return hide((item) => view.isOwn(PodSandboxMetrics.decode(item).podSandboxId));
    case 'GetContainerEvents':
      return (message) => (isOwnEvent(message, view) ? undefined : message);
    default:
      return undefined;
  }
}

function imageRewrite(method: string, view: KubeletView): Rewrite | undefined {
  switch (method) {
    case 'ListImages':
    case 'StreamImages':
      return (message) =>
        mapItems(message, ITEMS, (item) => {
          const image = Image.decode(item);
          return !image.pinned && view.isPinned(image) ? appendTrue(item, PINNED) : item;
        });
    case 'PullImage':
      return (message) => {
        view.onPulled(PullImageResponse.decode(message).imageRef);
        return message;
      };
    default:
      return undefined;
  }
}

/** The container of a sandbox event is the sandbox itself; without a status its id is all there is. */
function isOwnEvent(message: Buffer, view: KubeletView): boolean {
  const { containerId, podSandboxStatus, containersStatuses } = ContainerEventResponse.decode(message);
  return (
    isOwn(podSandboxStatus?.labels) ||
    containersStatuses.some(({ labels }) => isOwn(labels)) ||
    view.isOwn(podSandboxStatus?.id ?? containerId)
  );
}

function isOwn(labels: Labels): boolean {
  return labels?.[LABEL_ID] !== undefined;
}
