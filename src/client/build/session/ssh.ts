/** SSH.ForwardAgent: lets a build step use keys of the user's agent without ever seeing them. */
import { connect, type Socket } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import { SSHDefinition } from '../../../api/gen/github.com/moby/buildkit/session/sshforward/ssh.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';
import { AgentFilter } from './agent-filter.ts';
import type { KeyAgent } from './key-agent.ts';
import type { RawCall, RawHandler } from './raw-call.ts';
import { dataOf, frameBytes } from './tunnel.ts';

/** An agent of the user, or one of ours over key files. */
export type SshAgent = { readonly socket: string } | { readonly keys: KeyAgent };

/** Agents by the id a Dockerfile names (`RUN --mount=type=ssh,id=…`). */
export type SshAgents = ReadonlyMap<string, SshAgent>;

const DEFAULT_ID = 'default';

/** The unary half; ForwardAgent is served frame by frame. */
const CheckDefinition = { ...SSHDefinition, methods: { checkAgent: SSHDefinition.methods.checkAgent } } as const;

/** Serves the agents. */
export function serveSsh(services: RpcServer, streams: Map<string, RawHandler>, agents: SshAgents): void {
  services.add(CheckDefinition, {
    checkAgent: async ({ ID }) => {
      agentOf(agents, ID);
      return {};
    },
  });
  streams.set('/moby.sshforward.v1.SSH/ForwardAgent', (call) => {
    const agent = agentOf(agents, call.values('buildkit.ssh.id')?.[0] ?? '');
    return 'socket' in agent ? forward(call, agent.socket) : serveKeys(call, agent.keys);
  });
}

function agentOf(agents: SshAgents, id: string): SshAgent {
  const agent = agents.get(id || DEFAULT_ID);
  if (agent === undefined) throw new K3cError(Code.NOT_FOUND, `unset ssh forward key ${id || DEFAULT_ID}`);
  return agent;
}

async function serveKeys(call: RawCall, keys: KeyAgent): Promise<void> {
  const filter = new AgentFilter();
  call.accept();
  for await (const message of call.messages()) {
    const { forward: allowed, refusals } = filter.push(dataOf(message));
    const answers = [keys.answer(allowed), refusals].filter((bytes) => bytes.length > 0);
    if (answers.length > 0) await call.drain(frameBytes(answers));
  }
}

async function forward(call: RawCall, path: string): Promise<void> {
  const agent = connect(path);
  agent.on('error', () => {
    // Both ways tell: reading from it throws, and what is written to an agent that went is lost with it.
  });
  const cut = () => agent.destroy();
  call.signal.addEventListener('abort', cut);
  try {
    await opened(agent, path);
    call.accept();
    const answers = fromAgent(call, agent);
    // An agent that closes has nothing more to say, and the build must hear of it: it waits for an answer.
    await Promise.race([answers, toAgent(call, agent).then(() => answers)]);
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
