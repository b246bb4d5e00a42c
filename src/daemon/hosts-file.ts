/** The one file of the host that containerd cannot do without: it copies /etc/hosts into every sandbox (podsandbox.setupSandboxFiles). */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Code, K3cError } from '../api/errors.ts';
import type { Log } from '../host/log.ts';

const CONTENT = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

/**
 * Writes /etc/hosts, as every distribution has it, on a host that has none (an initramfs, an empty root); one that is there stays
 * as it is.
 * @throws K3cError FAILED_PRECONDITION where that is not possible: no container could start
 */
export async function ensureHostsFile(log: Log, path = '/etc/hosts'): Promise<void> {
  if (await isThere(path)) return;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, CONTENT, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    // Somebody else, such as a second daemon, has written one meanwhile; or it is a link that leads nowhere.
    if (codeOf(error) === 'EEXIST' && (await isThere(path))) return;
    throw unusable(path, error);
  }
  log.info({ path }, `wrote ${path}: this host had none, and every container needs one`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw unusable(path, error);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function unusable(path: string, cause: unknown): K3cError {
  return new K3cError(
    Code.FAILED_PRECONDITION,
    `${path} cannot be used (${codeOf(cause)}), and no container can do without`,
    {
      hint: `put one there before the daemon starts: printf '127.0.0.1\\tlocalhost\\n' > ${path}`,
      cause,
    },
  );
}
