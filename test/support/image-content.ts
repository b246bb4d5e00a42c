/** What is in a built image, read from containerd's content store and brought into a form that two builds share. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type TarEntry, tarEntries } from './tar-entries.ts';

export interface ImageContent {
  /** The image's configuration without the digests of its layers; times of the build itself are `now`. */
  readonly config: unknown;
  /** Annotations of the manifest. */
  readonly annotations: unknown;
  /** A line for every entry of every layer: type, mode, owner, time, size, hash, links, attributes. */
  readonly layers: readonly (readonly string[])[];
}

interface Descriptor {
  readonly digest: string;
}
interface Manifest {
  readonly config: Descriptor;
  /** null in an image without layers. */
  readonly layers: readonly Descriptor[] | null;
  readonly annotations?: unknown;
}
interface Config {
  readonly created?: string;
  readonly history?: readonly { readonly created?: string }[];
  readonly rootfs?: unknown;
}

/**
 * @param store containerd's root directory
 * @param digest of the manifest
 * @param since milliseconds since 1970; a later time was given by the build itself, and no two builds share it
 */
export async function imageContent(store: string, digest: string, since: number): Promise<ImageContent> {
  const blob = (wanted: string) =>
    readFile(join(store, 'io.containerd.content.v1.content/blobs', wanted.replace(':', '/')));
  const json = async <T>(wanted: string) => JSON.parse((await blob(wanted)).toString('utf8')) as T;
  const manifest = await json<Manifest>(digest);
  const { rootfs: _, ...config } = await json<Config>(manifest.config.digest);
  const time = (created: string | undefined) =>
    created !== undefined && Date.parse(created) >= since ? 'now' : created;
  const layers = await Promise.all(
    (manifest.layers ?? []).map(async (layer) =>
      tarEntries(unpacked(await blob(layer.digest)))
        .map((entry) => line(entry, since))
        .sort(),
    ),
  );
  return {
    config: {
      ...config,
      created: time(config.created),
      history: config.history?.map((entry) => ({ ...entry, created: time(entry.created) })),
    },
    annotations: manifest.annotations,
    layers,
  };
}

function unpacked(layer: Buffer): Buffer {
  const magic = layer.readUInt32LE(0);
  if (magic === 0xfd2fb528) return zstdDecompressSync(layer);
  return (magic & 0xffff) === 0x8b1f ? gunzipSync(layer) : layer;
}

function line(entry: TarEntry, since: number): string {
  const { name, type, mode, uid, gid, mtime, link, device, content } = entry;
  const attributes = Object.entries(entry.attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return [
    JSON.stringify(name),
    type,
    mode.toString(8),
    `${uid}:${gid}`,
    mtime * 1000 >= since ? 'now' : mtime,
    type === '0' ? `${content.length} ${createHash('sha256').update(content).digest('hex')}` : '',
    link === '' ? '' : `-> ${JSON.stringify(link)}`,
    device,
    ...attributes.sort(),
  ]
    .filter((part) => part !== '')
    .join(' ');
}
