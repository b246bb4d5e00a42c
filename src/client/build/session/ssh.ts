/** SSH.ForwardAgent: lets a build step use keys of the user's agent without ever seeing them. */
import { connect, type Socket } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import { SSHDefinition } from '../../../api/gen/github.com/moby/buildkit/session/sshforward/ssh.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';
import { AgentFilter } from './agent-filter.ts';
import type { RawCall, RawHandler } from './raw-call.ts';
import { dataOf, frameBytes } from './tunnel.ts';

/** Agent sockets by the id a Dockerfile names (`RUN --mount=type=ssh,id=…`). */
export type SshAgents = ReadonlyMap<string, string>;

const DEFAULT_ID = 'default';

/** The unary half; ForwardAgent is served frame by frame. */
const CheckDefinition = { ...SSHDefinition, methods: { checkAgent: SSHDefinition.methods.checkAgent } } as const;

/** Serves the agents. */
export function serveSsh(services: RpcServer, streams: Map<string, RawHandler>, agents: SshAgents): void {
  services.add(CheckDefinition, {
    checkAgent: async ({ ID }) => {
      socketOf(agents, ID);
      return {};
    },
  });
  streams.set('/moby.sshforward.v1.SSH/ForwardAgent', (call) =>
    forward(call, socketOf(agents, call.values('buildkit.ssh.id')?.[0] ?? '')),
  );
}

function socketOf(agents: SshAgents, id: string): string {
  const socket = agents.get(id || DEFAULT_ID);
  if (socket === undefined) throw new K3cError(Code.NOT_FOUND, `unset ssh forward key ${id || DEFAULT_ID}`);
  return socket;
}

async function forward(call: RawCall, path: string): Promise<void> {
  const agent = connect(path);
  const cut = () => agent.destroy();
  call.signal.addEventListener('abort', cut);
  try {
    await opened(agent, path);
    call.accept();
    await Promise.all([toAgent(call, agent), fromAgent(call, agent)]);
  } finally {
    call.signal.removeEventListener('abort', cut);
    agent.destroy();
  }
}

async function toAgent(call: RawCall, agent: Socket): Promise<void> {
  const filter = new AgentFilter();
  for await (const message of call.messages()) {
    const { forward: allowed, refusals } = filter.push(dataOf(message));
    if (allowed.length > 0) agent.write(allowed);
    if (refusals.length > 0) await call.drain(frameBytes([refusals]));
  }
  agent.end();
}

async function fromAgent(call: RawCall, agent: Socket): Promise<void> {
  for await (const chunk of agent) await call.drain(frameBytes([chunk as Buffer]));
}

function opened(agent: Socket, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    agent.once('connect', resolve);
    agent.once('error', (cause) =>
      reject(new K3cError(Code.UNAVAILABLE, `cannot connect to the ssh agent at ${path}`, { cause })),
    );
  });
}
