/** What the tests in the machine have in common: its shell, k3c as its unit runs it, and a name server for its own network. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as dnsPacket from 'dns-packet';
import { type Result, run } from '../support/binary.ts';

const root = join(import.meta.dirname, '../..');

/** Runs a script to its end. */
export function shell(script: string): Promise<Result> {
  return run('sh', ['-c', script]);
}

/** The same, for a script that must succeed: what it printed, without the last line's end. */
export async function ok(script: string): Promise<string> {
  const { code, stdout, stderr } = await shell(script);
  assert.equal(code, 0, `${script}: ${stderr}${stdout}`);
  return stdout.replace(/\n$/, '');
}

/** Installs dist/k3c as a user does, and starts its unit. */
export async function install(): Promise<void> {
  await ok(`K3C_URL=file://${root}/dist sh ${root}/scripts/install.sh`);
}

/** Looks until there is nothing to object to; then the last objection is thrown. */
export async function eventually(look: () => Promise<void>, seconds = 60): Promise<void> {
  for (const deadline = performance.now() + seconds * 1000; ; await sleep(500)) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** A file of the cgroup of a container's first process, as the host has it. */
export async function cgroupFile(container: string, file: string): Promise<string> {
  return readFileSync(join('/sys/fs/cgroup', await cgroupOf(container), file), 'utf8').trim();
}

/** The path of its group in the one hierarchy of v2. */
export async function cgroupOf(container: string): Promise<string> {
  const pid = await ok(`k3c inspect -f '{{.State.Pid}}' ${container}`);
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
}

/** A name server at 192.0.2.53, which systemd-resolved asks. It knows these names and no others. */
export async function startNameServer(names: Readonly<Record<string, string>>): Promise<{ close(): void }> {
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const [question] = questions;
    // The case of the letters is the asker's.
    const data = names[question?.name.toLowerCase() ?? ''];
    const answers =
      question?.type === 'A' && data !== undefined ? [{ type: 'A' as const, name: question.name, ttl: 5, data }] : [];
    const flags = dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (data === undefined ? 3 : 0);
    socket.send(
      dnsPacket.encode({ type: 'response', ...(id === undefined ? {} : { id }), flags, questions, answers }),
      port,
      address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(53, '192.0.2.53', resolve));
  return { close: () => socket.close() };
}
