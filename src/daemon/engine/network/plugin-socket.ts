/**
 * Where k3c-cni, the plugin that containerd starts for each pod, asks the daemon: a socket that root alone reaches. src/launcher/cni.c has the
 * other end, and the bytes.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { K3cError } from '../../../api/errors.ts';
import type { Log } from '../../../host/log.ts';
import { CNI_VERSION } from './cni.ts';
import type { PodInterfaces } from './pod-interfaces.ts';

/** The plugin's configuration with the result of the ADD is 1 KB. */
const MAX_BYTES = 1 << 20;
/** Error codes of the specification, section 5; from 100 on they are the plugin's own. */
const CniError = { ENVIRONMENT: 4, FAILED: 100 } as const;

/** What the plugin may ask for. */
type Plugging = Pick<PodInterfaces, 'add' | 'delete'>;

export interface PluginSocket {
  /** Nobody is answered any more; the socket is gone. */
  close(): Promise<void>;
}

/** Listens. The directory is the socket's alone. Whoever listened before is gone: the state directory is claimed by this daemon. */
export async function listenForPlugin(path: string, pods: Plugging, log: Log): Promise<PluginSocket> {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  rmSync(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) socket.destroy();
      else chunks.push(chunk);
    });
    socket.on('end', () => socket.end(answer(Buffer.concat(chunks).toString(), pods, log)));
    // A plugin that was killed: what it made goes when its pod does.
    socket.on('error', (err) => log.debug({ err }, 'a network plugin went away'));
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // One that is not accepted, for want of file descriptors, is no reason to end: the plugin gives up by itself.
  server.on('error', (err) => log.error({ err }, 'cannot take a connection of a network plugin'));
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** What the plugin is to say: its exit code as a byte, and its output. */
function answer(request: string, pods: Plugging, log: Log): string {
  try {
    return `\0${JSON.stringify(act(parse(request), pods))}`;
  } catch (err) {
    log.error({ err }, 'cannot give a pod its network');
    const code = err instanceof UnknownRequest ? CniError.ENVIRONMENT : CniError.FAILED;
    // containerd quotes it to whoever asked for the pod.
    const said = err instanceof Error ? err.message : String(err);
    const msg = err instanceof K3cError && err.hint !== undefined ? `${said} (${err.hint})` : said;
    return `\x01${JSON.stringify({ cniVersion: CNI_VERSION, code, msg })}`;
  }
}

class UnknownRequest extends Error {}

interface PluginRequest {
  readonly variable: (name: string) => string;
  readonly input: string;
}

function parse(request: string): PluginRequest {
  const end = request.indexOf('\0\0');
  const lines = request.slice(0, Math.max(end, 0)).split('\0');
  const variables = new Map(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  return {
    variable: (name) => {
      const value = variables.get(name) ?? '';
      if (value === '') throw new UnknownRequest(`the network plugin was called without ${name}`);
      return value;
    },
    input: request.slice(end + 2),
  };
}

function act({ variable, input }: PluginRequest, pods: Plugging): object {
  const command = variable('CNI_COMMAND');
  switch (command) {
    case 'ADD':
      return pods.add({
        sandboxId: variable('CNI_CONTAINERID'),
        netns: variable('CNI_NETNS'),
        interfaceName: variable('CNI_IFNAME'),
      });
    case 'DEL':
      pods.delete({ sandboxId: variable('CNI_CONTAINERID'), hostEnd: hostEndOf(input) });
      return {};
    case 'VERSION':
      return { cniVersion: CNI_VERSION, supportedVersions: [CNI_VERSION] };
    default:
      throw new UnknownRequest(`the network plugin does not know the command ${command}`);
  }
}

/** As the result of the ADD, which comes with a DEL, names it. Undefined where containerd has lost that. */
function hostEndOf(input: string): string | undefined {
  const { prevResult } = JSON.parse(input) as {
    readonly prevResult?: { readonly interfaces?: readonly { readonly name: string; readonly sandbox?: string }[] };
  };
  return prevResult?.interfaces?.find(({ name, sandbox = '' }) => sandbox === '' && /^veth[0-9a-f]{8}$/.test(name))
    ?.name;
}
