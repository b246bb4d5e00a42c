import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../host/files.ts';
import { formatIpv4Network, parseIpv4 } from '../../../host/netlink/ipv4.ts';
import type { Bridge } from './bridge.ts';

/** The name under which the default bridge network is known to CNI; the leases lie in a folder of this name. */
const networkName = 'k3c';
const configurationFile = '10-k3c.conflist';

/**
 * CNI configuration of the default bridge network (CNI specification 1.0). The bridge and host-local plugins make the
 * interface and choose the address; masquerading and ports are the daemon's own rules, because the plugins for these
 * run tools of the host. `hairpinMode` lets a container reach itself through its published port.
 */
function cniConfiguration(bridge: Bridge, leaseDir: string): object {
  return {
    cniVersion: '1.0.0',
    name: networkName,
    plugins: [
      {
        type: 'bridge',
        bridge: bridge.name,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        mtu: bridge.mtu,
        ipam: {
          type: 'host-local',
          dataDir: leaseDir,
          ranges: [[{ subnet: formatIpv4Network(bridge.subnet.network), gateway: bridge.subnet.gateway }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
}

/** Writes the configuration where containerd looks for it; a reader sees the old file or the new one. */
export async function writeCniConfiguration(
  directory: string,
  leaseDir: string,
  bridge: Bridge,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await mkdir(leaseDir, { recursive: true, mode: 0o755 });
  signal.throwIfAborted();
  await writeFileAtomic(
    join(directory, configurationFile),
    `${JSON.stringify(cniConfiguration(bridge, leaseDir), null, 2)}\n`,
    0o644,
  );
}

/** Where host-local has the leases of the default network. */
export function leasesIn(leaseDir: string): string {
  return join(leaseDir, networkName);
}

/** Removes configuration and leases. */
export async function removeCniConfiguration(directory: string, leaseDir: string): Promise<void> {
  await rm(join(directory, configurationFile), { force: true });
  await rm(leasesIn(leaseDir), { recursive: true, force: true });
}

/**
 * Frees host-local's leases of sandboxes that are not among the living ones; returns how many. A lease is a file named
 * for the address that holds "SANDBOX_ID\r\nINTERFACE" (plugins/ipam/host-local/backend/disk). A sandbox whose tear-down
 * a killed daemon missed leaves one behind, and a network of /24 is full after 253 of them. Only leases older than
 * `before` (milliseconds of the epoch) count: a younger one may be of a sandbox that is just being made, and freeing it
 * would give its address away twice.
 */
export async function releaseStaleLeases(
  leaseDir: string,
  liveSandboxIds: ReadonlySet<string>,
  before: number,
): Promise<number> {
  const directory = leasesIn(leaseDir);
  let released = 0;
  for (const name of await listDirectory(directory)) {
    if (parseIpv4(name) === undefined) continue; // the lock and the last reserved address
    const path = join(directory, name);
    const lease = await readLease(path);
    if (lease === undefined || lease.mtimeMs >= before || liveSandboxIds.has(lease.sandboxId)) continue;
    await rm(path, { force: true });
    released++;
  }
  return released;
}

/** Undefined for one that host-local has freed meanwhile: strays are being removed at the same time. */
async function readLease(path: string): Promise<{ readonly sandboxId: string; readonly mtimeMs: number } | undefined> {
  try {
    const { mtimeMs } = await stat(path);
    const [sandboxId = ''] = (await readFile(path, 'utf8')).split('\r\n');
    return { sandboxId: sandboxId.trim(), mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function listDirectory(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    // No sandbox has been made yet.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
