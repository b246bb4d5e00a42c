/** Archives of an image of 500 MB in and out: k3c, ctr on the same containerd, and dockerd. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeLayeredImage } from '../../test/support/layers.ts';
import { race, row } from './measure.ts';
import { must } from './must.ts';
import type { K3cPeer, Peer } from './peers.ts';

const LAYERS = 10;
const BYTES = 500 << 20;
const IMAGE = 'example.test/bench-archive:1';

/** Table rows. Every load begins without the image, in content and snapshots. */
export async function archives(
  k3c: K3cPeer,
  others: readonly Peer[],
  project: string,
  work: string,
  runs: number,
): Promise<string[]> {
  const archive = join(work, 'archive.tar');
  const saved = join(work, 'saved.tar');
  await writeLayeredImage(archive, { layers: LAYERS, bytesPerLayer: BYTES / LAYERS, names: [IMAGE], docker: true });
  const ctr = [join(project, 'vendor-bin/bin/test/ctr'), '-a', join(k3c.state, 'containerd.sock'), '-n', 'k8s.io'];
  const peers = [k3c, ...others];
  const clear = (peer: Peer) => () => must(peer.cli('rmi', IMAGE));
  const load = race(
    [
      ...peers.map((peer) => ({ name: peer.name, command: peer.cli('load', '-q', '-i', archive), after: clear(peer) })),
      {
        name: 'ctr import',
        command: [...ctr, 'images', 'import', archive],
        after: () => must([...ctr, 'images', 'rm', '--sync', IMAGE]),
      },
    ],
    runs,
  );
  for (const peer of peers) must(peer.cli('load', '-q', '-i', archive));
  const save = race(
    peers.map((peer) => ({
      name: peer.name,
      command: peer.cli('save', '-o', saved, IMAGE),
      after: () => rmSync(saved),
    })),
    runs,
  );
  for (const peer of peers) clear(peer)();
  rmSync(archive);
  return [row('load of 500 MB in ten layers', load), row('save of it', save)];
}
