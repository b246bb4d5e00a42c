/** Push: send what a name stands for to its registry. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { Descriptor } from '../../../api/gen/types/descriptor.ts';
import {
  canonical,
  familiarRepository,
  formatReference,
  parseReference,
  type Reference,
  repositoryOf,
} from '../../../api/reference.ts';
import { withLease } from '../../backends/leases.ts';
import { type Credentials, transfer } from '../../backends/transfer.ts';
import { type FoundImage, toDescriptor, toOci } from './catalog.ts';
import { isIndexType, type OciIndex } from './oci.ts';
import type { ImageParts } from './parts.ts';
import { LayerProgressView } from './progress.ts';
import { managedLabel } from './records.ts';
import { transferError } from './transfer-error.ts';
import { credentialsFor, type TransferEvent } from './transfer-events.ts';

export interface PushOptions {
  readonly reference: string;
  readonly credentials?: Credentials;
  readonly onEvent?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface PushResult {
  readonly reference: string;
  readonly digest: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
}

/** Throws NOT_FOUND image-not-found for an unknown name, and what transferError says of registries. */
export async function pushImage(parts: ImageParts, options: PushOptions): Promise<PushResult> {
  const reference = canonical(parseReference(options.reference));
  if (reference.digest !== undefined) {
    throw new K3cError(Code.INVALID_ARGUMENT, 'cannot push a digest reference', {
      reason: 'bad-input',
      hint: 'give it a tag first with k3c tag',
    });
  }
  const name = formatReference(reference);
  const { signal } = options;
  const tell = options.onEvent ?? (() => undefined);
  const found = await findTagged(parts, name, signal);
  const target = await pushable(parts, found, signal);
  tell({ kind: 'status', text: `The push refers to repository [${familiarRepository(reference)}]` });

  return withLease(parts.containerd.leases, { signal }, async (metadata) => {
    const byDigest = `${repositoryOf(reference)}@${target.digest}`;
    const known = (await parts.records.get(byDigest, signal)) !== undefined;
    // The transfer service sends what a record stands for; a part of an index has none until now.
    await parts.records.put(byDigest, target, managedLabel, signal);
    let pushed = false;
    try {
      await send(parts, reference, byDigest, options, metadata);
      pushed = true;
    } finally {
      if (!pushed && !known) await parts.records.delete(byDigest, target, false);
    }
    return { reference: name, digest: target.digest, size: Number(target.size) };
  });
}

async function send(
  parts: ImageParts,
  reference: Reference,
  record: string,
  options: PushOptions,
  metadata: readonly (readonly [string, string])[],
): Promise<void> {
  const { signal } = options;
  const tell = options.onEvent ?? (() => undefined);
  const view = new LayerProgressView('push');
  let withCredentials = false;
  try {
    await transfer(parts.containerd, {
      source: { kind: 'images', store: { name: record } },
      destination: {
        kind: 'registry',
        reference: formatReference(reference),
        hostDir: parts.registries.hostDir,
        credentials: credentialsFor(reference, options.credentials, parts.registries.credentials, () => {
          withCredentials = true;
        }),
      },
      onProgress: (event) => {
        const layer = view.apply(event);
        if (layer !== undefined) tell({ kind: 'layer', layer });
      },
      metadata,
      signal,
    });
  } catch (error) {
    throw transferError(error, { direction: 'push', reference, resolved: true, withCredentials });
  }
  for (const layer of view.finish()) tell({ kind: 'layer', layer });
}

async function findTagged(parts: ImageParts, name: string, signal?: AbortSignal): Promise<FoundImage> {
  const record = await parts.records.get(name, signal);
  if (record === undefined) {
    throw new K3cError(
      Code.NOT_FOUND,
      `An image does not exist locally with the tag: ${familiarRepository(parseReference(name))}`,
      {
        reason: 'image-not-found',
      },
    );
  }
  return parts.catalog.find(name, signal);
}

/** The whole target where all its manifests are here, else this machine's part of it, as docker does it. */
async function pushable(parts: ImageParts, found: FoundImage, signal?: AbortSignal): Promise<Descriptor> {
  const { image, record } = found;
  const target = record?.target;
  if (target !== undefined && (!isIndexType(target.mediaType) || (await isWhole(parts, target, signal)))) return target;
  return toDescriptor(image.content.manifestDescriptor);
}

async function isWhole(parts: ImageParts, target: Descriptor, signal?: AbortSignal): Promise<boolean> {
  const index = (await parts.content.readJson(toOci(target).digest, signal)) as OciIndex;
  for (const { digest } of index.manifests) if (!(await parts.content.has(digest, signal))) return false;
  return true;
}
