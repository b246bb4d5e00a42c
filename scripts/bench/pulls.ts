/** Pulls from a registry on this machine: an image of 500 MB in ten layers, and the same read and unpacked by hand. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeLayeredImage } from '../../test/support/layers.ts';
import { type Registry, startRegistry } from '../../test/support/registry.ts';
import type { Contestant } from './measure.ts';
import { must } from './must.ts';
import type { Peer } from './peers.ts';

const LAYERS = 10;
const BYTES = 500 << 20;

export interface Pulls {
  readonly contestants: readonly Contestant[];
  stop(): Promise<void>;
}

/** Starts the registry and fills it by way of the first peer. Every run begins without the image. */
export async function preparePulls(work: string, peers: readonly Peer[]): Promise<Pulls | undefined> {
  const [own] = peers;
  if (own === undefined || spawnSync('docker-registry', ['--version']).status !== 0) return undefined;
  const registry = await startRegistry({ directory: join(work, 'registry') });
  const name = `${registry.address}/bench/large:1`;
  const archive = join(work, 'large.tar');
  await writeLayeredImage(archive, { layers: LAYERS, bytesPerLayer: BYTES / LAYERS, names: [name] });
  must(own.cli('load', '-i', archive));
  must(own.cli('push', '-q', name));
  must(own.cli('rmi', name));
  rmSync(archive);
  const of = (peer: Peer): Contestant => ({
    name: peer.name,
    command: peer.cli('pull', '-q', ...(peer.name.startsWith('podman') ? ['--tls-verify=false'] : []), name),
    after: () => must(peer.cli('rmi', name)),
  });
  return {
    contestants: [...peers.map(of), byHand(work, registry)],
    stop: () => registry.stop(),
  };
}

/** curl, gzip and tar, a layer after the other. */
function byHand(work: string, registry: Registry): Contestant {
  const target = join(work, 'by-hand');
  const script = join(work, 'by-hand.sh');
  const accept = 'Accept: application/vnd.oci.image.manifest.v1+json';
  const base = `http://${registry.address}/v2/bench/large`;
  writeFileSync(
    script,
    `set -e
curl -s --noproxy '*' -H '${accept}' ${base}/manifests/1 | grep -o 'sha256:[0-9a-f]*' | tail -n +2 | while read -r layer; do
  curl -s --noproxy '*' ${base}/blobs/$layer | tar -xzf - -C ${target}
done
`,
  );
  return {
    name: 'by hand',
    command: ['sh', script],
    before: () => void mkdirSync(target, { recursive: true }),
    after: () => rmSync(target, { recursive: true, force: true }),
  };
}
