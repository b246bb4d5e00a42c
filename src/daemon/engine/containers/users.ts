/** Users by name, in a container's own /etc/passwd and /etc/group (passwd(5), group(5)). */
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import type { ProcessUser } from '../streams/types.ts';
import { openFileInRoot } from './open-in-root.ts';

const MAX_FILE_BYTES = 4 << 20;
const MAX_ID = 0x7fff_ffff;

/**
 * Resolves `user`, `uid`, `user:group`, `uid:gid`, docker's way: a number needs no entry; without a group the user's own
 * and all groups that list it apply, with one that alone.
 * @param root the container's root directory, /proc/PID/root
 */
export async function resolveUser(root: string, user: string): Promise<ProcessUser> {
  const [passwd, group] = await Promise.all([readInRoot(root, '/etc/passwd'), readInRoot(root, '/etc/group')]);
  return findUser(user, passwd, group);
}

/** The pure part of resolveUser. */
export function findUser(text: string, passwd: string, group: string): ProcessUser {
  const [name = '', groupName] = text.split(':', 2);
  const users = table(passwd);
  const groups = table(group);
  const numeric = isNumber(name);
  const entry =
    users.find((fields) => fields[0] === name) ?? (numeric ? users.find((fields) => fields[2] === name) : undefined);
  if (entry === undefined && !numeric && name !== '')
    throw missing(`unable to find user ${name}: no matching entries in passwd file`);
  const uid = checkId(entry === undefined ? Number(name) : Number(entry[2]));
  if (groupName !== undefined && groupName !== '') {
    const found = groups.find((fields) => fields[0] === groupName);
    if (found === undefined && !isNumber(groupName))
      throw missing(`unable to find group ${groupName}: no matching entries in group file`);
    const gid = checkId(Number(found?.[2] ?? groupName));
    return { uid, gid, additionalGids: [gid] };
  }
  const userName = entry?.[0];
  const gid = Number(entry?.[3] ?? 0);
  const additionalGids = groups
    .filter((fields) => userName !== undefined && (fields[3] ?? '').split(',').includes(userName))
    .map((fields) => Number(fields[2]));
  // The group itself is one of them: a program that gives it up for another must still be kept out where its members are.
  return { uid, gid, additionalGids: [...new Set([gid, ...additionalGids])] };
}

/**
 * The numbers of --group-add's names and numbers; a number needs no entry. INVALID_ARGUMENT in docker's words for a name
 * that is not there.
 * @param root the container's root directory
 */
export async function resolveGroups(root: string, names: readonly string[]): Promise<readonly number[]> {
  return findGroups(names, names.every(isNumber) ? '' : await readInRoot(root, '/etc/group'));
}

/** The pure part of resolveGroups. */
export function findGroups(names: readonly string[], group: string): readonly number[] {
  const groups = table(group);
  const found = names.map((name) => {
    const entry = groups.find((fields) => fields[0] === name);
    if (entry === undefined && !isNumber(name))
      throw missing(`Unable to find group ${name}: no matching entries in group file`);
    return checkId(Number(entry?.[2] ?? name));
  });
  return [...new Set(found)];
}

/** Whether a user or group is given by its number. */
export function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function table(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(':'));
}

function checkId(id: number): number {
  if (id <= MAX_ID) return id;
  throw missing('uids and gids must be in range 0-2147483647');
}

/** CRI's error for a user or group that the image has not, in docker's words; any other error as it is. */
export function userError(error: unknown, user: string): unknown {
  const [name = '', group = ''] = user.split(':', 2);
  const { message } = toK3cError(error);
  if (message.endsWith(': uid out of range') || message.endsWith(': gid out of range'))
    return missing('uids and gids must be in range 0-2147483647');
  if (message.endsWith(': no users found'))
    return missing(`unable to find user ${name}: no matching entries in passwd file`);
  if (message.endsWith(': no groups found'))
    return missing(`unable to find group ${group}: no matching entries in group file`);
  return error;
}

function missing(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}

/** The file is the container's: it may be a link out of its root, a FIFO or endless, and none of that may hurt. */
async function readInRoot(root: string, path: string): Promise<string> {
  try {
    await using file = await openFileInRoot(root, path);
    if (file === undefined) return '';
    const { size } = await file.stat();
    const length = Math.min(size, MAX_FILE_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    // An image without the file has no names; numbers work all the same.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
