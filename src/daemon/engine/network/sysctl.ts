import { readFile, writeFile } from 'node:fs/promises';

/** Sets a kernel setting of this network namespace, such as net/ipv4/ip_forward, to 1; false when that is not possible. */
export async function enableSysctl(path: string): Promise<boolean> {
  const file = `/proc/sys/${path}`;
  try {
    if ((await readFile(file, 'utf8')).trim() !== '1') await writeFile(file, '1');
    return true;
  } catch (error) {
    // EROFS and EACCES where /proc/sys is read-only, as in a container; ENOENT where the kernel lacks the setting.
    if (['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
