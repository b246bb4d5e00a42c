/** Pull: fetch, unpack and record an image, so that it is runnable and CRI knows it when the call returns. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { canonical, formatReference, parseReference, type Reference, repositoryOf } from '../../../api/reference.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import { withLease } from '../../backends/leases.ts';
import { type Credentials, transfer } from '../../backends/transfer.ts';
import { toDescriptor, toOci } from './catalog.ts';
import { formatPlatform, hostPlatform, type OciDescriptor, platformMatches } from './oci.ts';
import { ownAnswer } from './own-answer.ts';
import type { ImageParts } from './parts.ts';
import { parsePlatform } from './platform-flag.ts';
import { PullProgress } from './pull-progress.ts';
import { transferError } from './transfer-error.ts';
import { credentialsFor, type TransferEvent } from './transfer-events.ts';

export interface PullOptions {
  /** As the user wrote it. */
  readonly reference: string;
  /** os/arch[/variant]; empty for the host's. */
  readonly platform?: string;
  readonly credentials?: Credentials;
  readonly onEvent?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface PullResult {
  /** Normalised name. */
  readonly reference: string;
  /** Image id. */
  readonly id: string;
  /** Digest of the manifest or index that the name stands for. */
  readonly digest: string;
  /** The name stood for this digest before, and nothing had to be fetched. */
  readonly upToDate: boolean;
}

/** Layers of a pull that lost its registry on the way are kept this long for the next try. */
const RESUME_MS = 60 * 60 * 1000;

function keepForResume(error: unknown): number | undefined {
  return hasCode(error, Code.UNAVAILABLE, Code.UNKNOWN, Code.INTERNAL) ? RESUME_MS : undefined;
}

/** Throws INVALID_ARGUMENT for a bad name or platform, and what transferError says of registries. */
export async function pullImage(parts: ImageParts, options: PullOptions): Promise<PullResult> {
  const written = parseReference(options.reference);
  const reference = canonical(written);
  const name = formatReference(reference);
  const platform = options.platform ? parsePlatform(options.platform) : hostPlatform();
  const wanted = { os: platform.os, architecture: platform.architecture, variant: platform.variant ?? '' };
  const { signal } = options;
  const before = (await parts.records.get(name, signal))?.target?.digest;
  const tell = options.onEvent ?? (() => undefined);
  const progress = new PullProgress(parts, platform, (layer) => tell({ kind: 'layer', layer }));
  let resolved = false;
  let withCredentials = false;

  const credentials = credentialsFor(reference, options.credentials, parts.registries.credentials, () => {
    withCredentials = true;
  });
  const fetch = async (metadata: Metadata, unpack: boolean) => {
    try {
      await transfer(parts.containerd, {
        source: {
          kind: 'registry',
          reference: name,
          hostDir: parts.registries.hostDir,
          credentials,
        },
        destination: {
          kind: 'images',
          store: {
            name,
            platforms: [wanted],
            manifestLimit: 1,
            unpacks: unpack ? [{ platform: wanted, snapshotter: parts.snapshotter }] : [],
          },
        },
        onProgress: (event) => {
          if (!resolved && event.event.startsWith('Pulling from')) {
            resolved = true;
            tell({ kind: 'status', text: `${labelOf(reference)}: Pulling from ${reference.path}` });
          }
          progress.apply(event);
        },
        metadata,
        signal,
      });
    } catch (failure) {
      const error = resolved ? failure : await ownAnswer(parts, reference, failure, credentials, signal);
      const shown = formatPlatform(platform);
      throw transferError(error, { direction: 'pull', reference, resolved, platform: shown, withCredentials });
    }
  };

  return withLease(parts.containerd.leases, { signal, keepOnFailureMs: keepForResume }, async (metadata) => {
    await fetch(metadata, true);
    const record = await parts.records.get(name, signal);
    if (record?.target === undefined) throw new K3cError(Code.ABORTED, `${name} was removed while it was pulled`);
    const { target } = record;
    const { id, config, manifest, manifestDescriptor } = await parts.manifests.open(toOci(target), platform, signal);
    // containerd leaves out layers that are unpacked here already, though it may have got rid of their blobs.
    if (!(await hasAll(parts, manifest.layers, signal))) await fetch(metadata, false);
    const native = platformMatches(hostPlatform(), config);
    // By way of the index the id of another machine's image would stand for this machine's.
    const own = native ? target : toDescriptor(manifestDescriptor);
    const names = [name, `${repositoryOf(reference)}@${target.digest}`];
    await parts.exclusively(() => parts.records.adopt(id, names, target, {}, signal, own));
    if (native) await parts.records.settled(name, id, signal);
    const same = before === target.digest && !progress.moved;
    await progress.finish({ quiet: same });
    return { reference: name, id, digest: target.digest, upToDate: same && !progress.moved };
  });
}

/** What docker puts before "Pulling from": the tag, or the digest where the name has one. */
function labelOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

async function hasAll(parts: ImageParts, layers: readonly OciDescriptor[], signal?: AbortSignal): Promise<boolean> {
  const here = await Promise.all(layers.map(({ digest }) => parts.content.has(digest, signal)));
  return here.every((each) => each);
}
