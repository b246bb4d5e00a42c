/** What containerd is told of the default network: CNI's configuration (specification 1.0), which names the plugin of ours that asks the daemon. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../host/files.ts';

/** The default network as CNI knows it; a folder of leases has this name. */
export const CNI_NETWORK = 'k3c';
export const CNI_VERSION = '1.0.0';
const configurationFile = '10-k3c.conflist';

/** Writes the configuration where containerd looks for it; a reader sees the old file or the new one. */
export async function writeCniConfiguration(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  // The daemon puts back itself what others take away: nothing asks for a check.
  const configuration = {
    cniVersion: CNI_VERSION,
    name: CNI_NETWORK,
    disableCheck: true,
    plugins: [{ type: 'k3c-cni' }],
  };
  await writeFileAtomic(join(directory, configurationFile), `${JSON.stringify(configuration, null, 2)}\n`, 0o644);
}

/** Removes the configuration. */
export async function removeCniConfiguration(directory: string): Promise<void> {
  await rm(join(directory, configurationFile), { force: true });
}
