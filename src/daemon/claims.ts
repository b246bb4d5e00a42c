/** What one daemon must have for itself: its directories, its bridge, its socket. Claimed before anything is touched. */
import { dirname, join } from 'node:path';
import { Code, K3cError } from '../api/errors.ts';
import { lockFile, lockName } from '../host/lock.ts';
import type { DaemonConfig } from './config.ts';
import { refuseLiveSocket } from './gateway/unix-listener.ts';
import type { Paths } from './paths.ts';

const HINT = 'stop it, or give this one its own --root, --state and --bridge-name';

/**
 * Claims everything for as long as the process lives; the stack lets go of it.
 * @throws K3cError FAILED_PRECONDITION or ALREADY_EXISTS naming what is taken
 */
export async function claim(config: DaemonConfig, paths: Paths, stack: AsyncDisposableStack): Promise<void> {
  const locks = [
    ['root', join(paths.root, 'daemon.lock')],
    ['state', join(paths.state, 'daemon.lock')],
  ] as const;
  for (const [what, path] of locks) {
    const lock = lockFile(path);
    if ('heldBy' in lock) throw taken(`(process ${lock.heldBy}) uses the ${what} directory ${dirname(path)}`);
    stack.defer(() => lock.release());
  }
  // A bridge belongs to a network namespace, and so do the names that this lock is made of.
  const bridge = await lockName(`k3c/bridge/${config.bridgeName}`);
  if (bridge === undefined) throw taken(`uses the bridge ${config.bridgeName}`);
  stack.defer(() => bridge.release());
  await refuseLiveSocket(config.address);
}

function taken(how: string): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, `another k3c daemon ${how}`, { hint: HINT });
}
