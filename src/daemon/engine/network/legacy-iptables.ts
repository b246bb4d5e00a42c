import { readFile } from 'node:fs/promises';

/**
 * Whether the filter table of the legacy iptables is in use in this network namespace. What it holds cannot be read or
 * changed over netlink, so a DROP in its FORWARD chain is for an administrator to open.
 */
export async function legacyFilterInUse(): Promise<boolean> {
  try {
    return (await readFile('/proc/net/ip_tables_names', 'utf8')).split('\n').includes('filter');
  } catch (error) {
    // A kernel without legacy iptables; or one that shows the list only to a process with CAP_NET_ADMIN.
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
