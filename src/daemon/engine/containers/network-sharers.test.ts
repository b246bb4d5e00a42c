import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessExit } from '../streams/types.ts';
import type { EngineContext } from './context.ts';
import type { ContainerStreams } from './dependencies.ts';
import { watchExit } from './exits.ts';
import { leaveNetworks, noteSharing } from './membership.ts';
import { NetworkSharers } from './network-sharers.ts';
import { sampleRecord, sampleSpec } from './samples.ts';

test('who runs in whose network is known until the last has ended', () => {
  const sharers = new NetworkSharers();
  sharers.add('a', 'donor');
  sharers.add('a', 'donor');
  sharers.add('b', 'donor');
  sharers.remove('a');
  assert.ok(sharers.has('donor') && !sharers.has('a'));
  sharers.remove('a');
  sharers.remove('b');
  assert.equal(sharers.has('donor'), false);
});

const END = { ip: '10.1.0.2', mac: '', askedIp: '', askedMac: '', aliases: [], network: 'n', networkName: 'net' };

test('an end looks at no other container, however many there are', () => {
  const endpoints = [{ ...END, interface: 'eth0' }];
  const record = sampleRecord({ endpoints });
  const acts: string[] = [];
  const context = {
    network: {
      members: { leave: () => acts.push('leave') },
      named: { cutOff: () => acts.push('cutOff'), close: () => acts.push('close') },
    },
    live: new Proxy(new Map(), { get: (_, name) => assert.fail(`live.${String(name)} was asked`) }),
    sharers: new NetworkSharers(),
    state: { containers: { byId: (id: string) => (id === record.id ? record : assert.fail(`${id} was read`)) } },
  } as unknown as EngineContext;
  leaveNetworks(context, record.id);
  assert.deepEqual(acts, ['leave', 'close']);
  context.sharers.add('other', record.id);
  leaveNetworks(context, record.id);
  assert.deepEqual(acts.slice(2), ['leave', 'cutOff', 'close']);
});

test('whoever joins the network of a container of a pod joins the pod', () => {
  const rows = new Map([
    ['a', sampleRecord({ id: 'a', spec: sampleSpec({ networkMode: 'container:member' }) })],
    ['b', sampleRecord({ id: 'b', spec: sampleSpec({ networkMode: 'container:plain' }) })],
    ['member', sampleRecord({ id: 'member', spec: sampleSpec({ pod: 'duo' }) })],
    ['plain', sampleRecord({ id: 'plain' })],
  ]);
  const sharers = new NetworkSharers();
  const context = {
    sharers,
    state: { containers: { byId: (id: string) => rows.get(id) } },
  } as unknown as EngineContext;
  for (const id of rows.keys()) noteSharing(context, id);
  assert.deepEqual(
    ['duo', 'plain', 'member', 'a'].map((id) => sharers.has(id)),
    [true, true, false, false],
  );
});

test('it is noted from the start of a process to its end', async () => {
  const sharers = new NetworkSharers();
  const exit = Promise.withResolvers<ProcessExit>();
  const record = sampleRecord({ spec: sampleSpec({ networkMode: 'container:donor' }), state: 'running' });
  const context = {
    sharers,
    live: new Map(),
    killed: new Set(),
    health: new Map(),
    closing: new AbortController().signal,
    streams: { waitForExit: () => exit.promise },
    exitNotes: { correct: (_: string, seen: ProcessExit) => seen },
    network: { members: { leave: () => undefined }, named: { close: () => undefined } },
    state: { containers: { byId: (id: string) => (id === record.id ? { ...record, criId: 'another' } : undefined) } },
  } as unknown as EngineContext;
  const io = { exited: () => Promise.resolve() } as ContainerStreams;
  const { id, attempt, sandboxId, criId, ports, startedAt } = record;
  const live = watchExit(context, { id, attempt, sandboxId, criId, io, ports, startedAt });
  assert.ok(sharers.has('donor'));
  exit.resolve({ exitCode: 0, exitedAt: 5n, oomKilled: false, reason: '' });
  await live.exit;
  assert.equal(sharers.has('donor'), false);
});
