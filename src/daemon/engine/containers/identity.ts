/** How containers are called: ids, names, and what a user may type for one. */
import { randomBytes } from 'node:crypto';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord, ContainerStore } from '../../state/containers.ts';

/** 64 hexadecimal digits. Docker avoids ids whose first twelve digits could be taken for a number; so do we. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** The twelve digits that people see. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** docker's rule for names. Returns the name without the slash that docker allows in front. */
export function checkName(name: string): string {
  const bare = name.startsWith('/') ? name.slice(1) : name;
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(bare)) return bare;
  throw new K3cError(
    Code.INVALID_ARGUMENT,
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    { reason: 'bad-input' },
  );
}

/** docker's sentence for a container that is not there. */
export function noSuchContainer(reference: string): K3cError {
  return new K3cError(Code.NOT_FOUND, `No such container: ${reference}`, { reason: 'container-not-found' });
}

/** The row as it is now: whoever waited for a lock knows an older one. */
export function recordNow(store: ContainerStore, id: string): ContainerRecord {
  const record = store.byId(id);
  if (record === undefined) throw noSuchContainer(id);
  return record;
}

/** docker's sentence, with what was tried in front. */
export function notRunning(record: ContainerRecord, prefix = ''): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, `${prefix}container ${record.id} is not running`, {
    reason: 'container-not-running',
  });
}

/**
 * Finds what a user named, in docker's order: full id, name, unique prefix of an id. Throws NOT_FOUND
 * (container-not-found), or INVALID_ARGUMENT where several ids start so.
 */
export function findContainer(store: ContainerStore, reference: string): ContainerRecord {
  const exact = store.byId(reference) ?? store.byName(reference.startsWith('/') ? reference.slice(1) : reference);
  if (exact !== undefined) return exact;
  if (/^[0-9a-f]{1,64}$/.test(reference)) {
    const [first, second] = store.byIdPrefix(reference);
    if (second !== undefined) {
      throw new K3cError(Code.INVALID_ARGUMENT, `Multiple IDs found with provided prefix: ${reference}`, {
        reason: 'bad-input',
      });
    }
    if (first !== undefined) return first;
  }
  throw noSuchContainer(reference);
}
