/** What `--ssh` forwards: one agent's socket, or keys of files behind an agent of our own (buildkit sshprovider). */
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import type { SshAgent, SshAgents } from '../session/ssh.ts';
import type { BuildHost, SshOption } from './options.ts';

const DEFAULT_ID = 'default';
/** Bytes of a key file; what follows is not looked at. */
const KEY_LIMIT = 100 << 10;

/**
 * Finds the agents by the id a Dockerfile names. Keys are read now, so that a wrong one fails the build before it begins.
 *
 * @throws K3cError that names the flag and the path
 */
export async function sshAgents(options: readonly SshOption[], host: BuildHost): Promise<SshAgents> {
  const agents = new Map<string, SshAgent>();
  for (const option of options) {
    const id = option.id || DEFAULT_ID;
    if (agents.has(id)) throw new K3cError(Code.INVALID_ARGUMENT, `duplicate agent ID ${JSON.stringify(id)} in --ssh`);
    agents.set(id, await agentOf(id, option, host));
  }
  return agents;
}

async function agentOf(id: string, option: SshOption, host: BuildHost): Promise<SshAgent> {
  const named = option.paths.filter((path) => path !== '');
  const paths = named.length > 0 ? named : [host.env['SSH_AUTH_SOCK'] ?? ''];
  if (paths[0] === '') {
    throw new K3cError(Code.FAILED_PRECONDITION, `invalid empty ssh agent socket for --ssh ${id}`, {
      hint: 'make sure SSH_AUTH_SOCK is set',
    });
  }
  const files: Buffer[] = [];
  for (const path of paths) {
    const absolute = resolve(host.cwd, path);
    const stats = statSync(absolute, { throwIfNoEntry: false });
    if (stats === undefined) throw new K3cError(Code.NOT_FOUND, `--ssh ${id}: ${path} does not exist`);
    if (!stats.isSocket()) files.push(await readKey(id, path, absolute));
    else if (paths.length === 1) return { socket: absolute };
    else throw new K3cError(Code.INVALID_ARGUMENT, `--ssh ${id}: one socket, or key files, but not both`);
  }
  // Loaded only when needed: it brings node:crypto with it.
  const { KeyAgent } = await import('../session/key-agent.ts');
  for (const [index, file] of files.entries()) {
    try {
      new KeyAgent([file]);
    } catch (error) {
      const { code, message, hint } = toK3cError(error);
      throw new K3cError(code, `--ssh ${id}: ${paths[index]}: ${message}`, hint === undefined ? {} : { hint });
    }
  }
  return { keys: new KeyAgent(files) };
}

async function readKey(id: string, path: string, absolute: string): Promise<Buffer> {
  try {
    const file = await open(absolute);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(KEY_LIMIT), 0, KEY_LIMIT, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new K3cError(Code.FAILED_PRECONDITION, `--ssh ${id}: cannot read ${path}`, { cause });
  }
}
