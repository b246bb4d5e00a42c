/** Chain ids: the names of committed snapshots (OCI image spec, config.md, "Layer ChainID"). */
import { createHash } from 'node:crypto';

/** The chain id of every layer, bottom first, from the digests of the uncompressed layers. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(
      parent === undefined ? diffId : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`,
    );
  }
  return chain;
}
