/** Kernel settings. Those of the network are of the namespace that the thread is in. */
import { readFileSync, writeFileSync } from 'node:fs';

/** What a setting is now. Throws ENOENT where the kernel lacks it. @param path below /proc/sys */
export function sysctlValue(path: string): string {
  return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
}

/** Sets one unless it is so already. Throws ENOENT where the kernel lacks it, EROFS or EACCES where it may not be changed. */
export function setSysctl(path: string, value: string): void {
  if (sysctlValue(path) !== value) writeFileSync(`/proc/sys/${path}`, value);
}
