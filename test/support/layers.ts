/** Image archives of several layers of random data: what pulls and loads are tried and measured with. */

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

const run = promisify(execFile);

export interface LayeredImage {
  readonly layers: number;
  readonly bytesPerLayer: number;
  /** References in the archive; none makes a nameless image. */
  readonly names: readonly string[];
  /** The layout of `docker save`, else an OCI layout. */
  readonly docker?: boolean;
  /** One manifest each under an index, all with the same layers. Default: amd64 alone, without an index. */
  readonly architectures?: readonly string[];
}

/** Writes the archive. Half of every layer's bytes are random, so that it compresses as files do. */
export async function writeLayeredImage(archive: string, image: LayeredImage): Promise<void> {
  const layout = await mkdtemp(join(tmpdir(), 'k3c-layers-'));
  try {
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    const put = async (data: Buffer) => {
      const hex = sha256(data);
      await writeFile(join(layout, 'blobs/sha256', hex), data);
      return { digest: `sha256:${hex}`, size: data.length };
    };
    const diffIds: string[] = [];
    const layers: { mediaType: string; digest: string; size: number }[] = [];
    for (let i = 0; i < image.layers; i++) {
      const random = randomBytes(image.bytesPerLayer / 2);
      const plain = tarOf(`data/layer-${i}`, Buffer.concat([random, Buffer.alloc(image.bytesPerLayer / 2, 'k3c ')]));
      diffIds.push(`sha256:${sha256(plain)}`);
      const data = image.docker ? plain : gzipSync(plain, { level: 1 });
      layers.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...(await put(data)) });
    }
    const configOf = (architecture: string) =>
      put(
        json({
          architecture,
          os: 'linux',
          created: '2020-02-02T02:02:02Z',
          config: { Cmd: ['/x'], Labels: { stage: 'test', 'org.k3c': 'yes' } },
          rootfs: { type: 'layers', diff_ids: diffIds },
        }),
      );
    if (image.docker) await dockerIndex(layout, (await configOf('amd64')).digest, layers, image.names);
    else {
      const manifests: object[] = [];
      for (const architecture of image.architectures ?? ['amd64']) {
        manifests.push(await ociManifest(put, await configOf(architecture), architecture, layers));
      }
      const top = image.architectures === undefined ? manifests[0] : await index(put, manifests);
      await ociIndex(layout, top ?? {}, image.names);
    }
    await run('tar', ['-C', layout, '-cf', archive, '.']);
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
}

type Put = (data: Buffer) => Promise<{ digest: string; size: number }>;
type Blob = { digest: string; size: number };

async function ociManifest(put: Put, config: Blob, architecture: string, layers: object[]): Promise<object> {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const configType = 'application/vnd.oci.image.config.v1+json';
  const document = { schemaVersion: 2, mediaType, config: { mediaType: configType, ...config }, layers };
  return { mediaType, ...(await put(json(document))), platform: { architecture, os: 'linux' } };
}

async function index(put: Put, manifests: readonly object[]): Promise<object> {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return { mediaType, ...(await put(json({ schemaVersion: 2, mediaType, manifests }))) };
}

async function ociIndex(layout: string, top: object, names: readonly string[]): Promise<void> {
  const named = names.map((name) => ({ ...top, annotations: { 'io.containerd.image.name': name } }));
  await writeFile(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  await writeFile(
    join(layout, 'index.json'),
    json({ schemaVersion: 2, manifests: named.length === 0 ? [top] : named }),
  );
}

async function dockerIndex(layout: string, config: string, layers: readonly Blob[], names: readonly string[]) {
  const path = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
  const entry = { Config: path(config), RepoTags: names, Layers: layers.map((each) => path(each.digest)) };
  await writeFile(join(layout, 'manifest.json'), json([entry]));
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A tar of one file. */
export function tarOf(path: string, data: Buffer): Buffer {
  const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size: data.length, type: 'File', mtime: new Date(0) });
  header.encode();
  return Buffer.concat([
    header.block ?? Buffer.alloc(512),
    data,
    Buffer.alloc(((512 - (data.length % 512)) % 512) + 1024),
  ]);
}
