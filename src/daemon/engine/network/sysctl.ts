import { readFile, writeFile } from 'node:fs/promises';

/** Sets a kernel setting of this network namespace, such as net/ipv4/ip_forward, to 1; false when that is not possible. */
export function enableSysctl(path: string): Promise<boolean> {
  return set(path, '1');
}

/** The same with 0. */
export function disableSysctl(path: string): Promise<boolean> {
  return set(path, '0');
}

async function set(path: string, value: string): Promise<boolean> {
  const file = `/proc/sys/${path}`;
  try {
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value);
    return true;
  } catch (error) {
    // EROFS and EACCES where /proc/sys is read-only, as in a container; ENOENT where the kernel lacks the setting.
    if (['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
