import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Answer, Packet } from 'dns-packet';
import { ask, askTcp, askUdp, FakeServer, type Speech } from '../../../../test/support/name-lab.ts';
import { silentLog } from '../../../host/log.ts';
import { type NetworkMember, NetworkMembers } from '../network/members.ts';
import { createNames, type Names } from './names.ts';

const id = (digit: string) => digit.repeat(64);
/** The networks of these tests are parts of the loopback device. */
const network = (name: string, third: number, internal = false) => ({
  id: `id of ${name}`,
  name,
  bridge: 'lo',
  gateway: `127.0.${third}.1`,
  cidr: `127.0.${third}.0/24`,
  internal,
});
const blue = network('blue', 0);

interface Lab {
  readonly names: Names;
  readonly members: NetworkMembers;
  readonly to: { readonly address: string; readonly port: number };
  readonly servers: readonly FakeServer[];
  /** By network. */
  readonly ports: Map<string, number | undefined>;
}

/** Serves blue (or another network), with servers of the host at 127.0.0.2, 127.0.0.3 … */
async function lab(
  t: TestContext,
  speeches: readonly Speech[],
  served = blue,
  dns: Record<string, string> = {},
): Promise<Lab> {
  const directory = mkdtempSync(join(tmpdir(), 'k3c-names-'));
  const servers: FakeServer[] = [];
  for (const [index, speech] of speeches.entries())
    servers.push(await FakeServer.listen(`127.0.0.${index + 2}`, servers[0]?.port ?? 0, speech));
  const main = join(directory, 'resolv.conf');
  writeFileSync(main, servers.map((_, index) => `nameserver 127.0.0.${index + 2}\n`).join(''));
  const members = new NetworkMembers();
  members.addNetwork(served);
  const ports = new Map<string, number | undefined>();
  const names = createNames({
    members,
    serversOf: (container) => [dns[container] ?? []].flat(),
    ports: () => [0],
    onPort: ({ name }, port) => ports.set(name, port),
    log: silentLog,
    hostResolverPaths: { main, behindStub: join(directory, 'none') },
    serverPort: servers[0]?.port ?? 9,
  });
  t.after(() => {
    names.close();
    for (const server of servers) server.close();
    rmSync(directory, { recursive: true });
  });
  await names.ready();
  return {
    names,
    members,
    to: { address: served.gateway, port: ports.get(served.name) ?? assert.fail() },
    servers,
    ports,
  };
}

function member(digit: string, more: Partial<NetworkMember> = {}): NetworkMember {
  const base = { container: id(digit), name: `c${digit}`, ip: `127.0.0.${10 + Number(digit)}`, ipv6: '', mac: '' };
  return { ...base, aliases: [], hostname: '', ...more };
}

const address = (data: string, ttl = 60): Speech => {
  return (query) => ({ answers: (query.questions ?? []).map(({ name }): Answer => ({ type: 'A', name, ttl, data })) });
};

const data = (packet: Packet | undefined) =>
  (packet?.answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : answer.type));
const code = (packet: Packet | undefined) => (packet as { rcode?: string } | undefined)?.rcode;

test('members are found by name the moment they are there, and not a moment longer', async (t) => {
  const { members, to, servers } = await lab(t, [() => ({ flags: 3 })]);
  members.join(blue.id, member('1', { aliases: ['web'] }));
  const found = await askUdp(to, ask('C1'));
  assert.deepEqual(data(found), ['127.0.0.11']);
  assert.equal(found?.flag_aa, true);
  assert.equal(found?.questions?.[0]?.name, 'C1');
  members.join(blue.id, member('2', { aliases: ['web'] }));
  assert.deepEqual(data(await askUdp(to, ask('web'))).sort(), ['127.0.0.11', '127.0.0.12']);
  members.renamed(id('1'), 'renamed');
  assert.deepEqual(data(await askUdp(to, ask('renamed'))), ['127.0.0.11']);
  assert.equal(code(await askUdp(to, ask('c1'))), 'NXDOMAIN');
  members.leave(id('1'));
  assert.deepEqual(data(await askUdp(to, ask('web'))), ['127.0.0.12']);
  assert.equal(code(await askUdp(to, ask('renamed'))), 'NXDOMAIN');
  assert.deepEqual(servers[0]?.asked, ['udp c1', 'udp renamed']);
});

test('a name without a record of the type asked for is there all the same, and nobody else is asked', async (t) => {
  const { members, to, servers } = await lab(t, [address('192.0.2.1')]);
  members.join(blue.id, member('1'));
  for (const type of ['AAAA', 'MX'] as const) {
    const answer = await askUdp(to, ask('c1', type));
    assert.deepEqual([code(answer), answer?.answers], ['NOERROR', []]);
  }
  assert.deepEqual(servers[0]?.asked, []);
});

test('reverse look-ups say NAME.NETWORK; the addresses of the network are nobody else’s business', async (t) => {
  const { members, to, servers } = await lab(t, [address('192.0.2.1')]);
  members.join(blue.id, member('1'));
  assert.deepEqual(data(await askUdp(to, ask('11.0.0.127.in-addr.arpa', 'PTR'))), ['c1.blue']);
  assert.deepEqual(data(await askUdp(to, ask('c1.blue'))), ['127.0.0.11']);
  assert.equal(code(await askUdp(to, ask('99.0.0.127.in-addr.arpa', 'PTR'))), 'NXDOMAIN');
  assert.deepEqual(servers[0]?.asked, []);
  await askUdp(to, ask('1.2.0.192.in-addr.arpa', 'PTR'));
  assert.equal(servers[0]?.asked.length, 1);
});

test('answers of others are kept as long as they say', async (t) => {
  const { to, servers } = await lab(t, [address('192.0.2.7')]);
  for (const name of ['www.example', 'WWW.example', 'www.EXAMPLE']) {
    const answer = await askUdp(to, ask(name));
    assert.deepEqual(data(answer), ['192.0.2.7']);
    assert.equal(answer?.questions?.[0]?.name, name);
  }
  assert.equal(servers[0]?.asked.length, 1);
});

test('many who ask the same at once make one question', async (t) => {
  const { to, servers } = await lab(t, [address('192.0.2.7', 0)]);
  const answers = await Promise.all(Array.from({ length: 50 }, () => askUdp(to, ask('www.example'))));
  assert.ok(answers.every((answer) => data(answer)[0] === '192.0.2.7'));
  assert.ok((servers[0]?.asked.length ?? 99) < 5);
});

test('the next server is asked when one is silent, refuses or fails, and a silent one comes last from then on', async (t) => {
  const { to, servers } = await lab(t, [() => undefined, () => ({ flags: 5 }), address('192.0.2.8', 0)]);
  assert.deepEqual(data(await askUdp(to, ask('one.example'))), ['192.0.2.8']);
  assert.deepEqual(data(await askUdp(to, ask('two.example'))), ['192.0.2.8']);
  assert.deepEqual(servers[0]?.asked, ['udp one.example']);
});

test('where no server knows better the failure is handed on, and where none answers it is SERVFAIL in time', async (t) => {
  const refusing = await lab(t, [() => ({ flags: 5 })]);
  assert.equal(code(await askUdp(refusing.to, ask('www.example'))), 'REFUSED');
  const silent = await lab(t, [() => undefined]);
  const since = performance.now();
  assert.equal(code(await askUdp(silent.to, ask('www.example'))), 'SERVFAIL');
  assert.ok(performance.now() - since < 5000);
  assert.equal(silent.servers[0]?.asked.length, 2, 'a lost datagram is sent again');
});

test('without any server names are served, and all else fails at once', async (t) => {
  const { members, to } = await lab(t, []);
  members.join(blue.id, member('1'));
  assert.deepEqual(data(await askUdp(to, ask('c1'))), ['127.0.0.11']);
});

test('a forged answer is not taken: wrong id, wrong name, wrong spelling', async (t) => {
  const good = address('192.0.2.9');
  const forged = (query: Parameters<Speech>[0]): Packet => ({
    answers: [{ type: 'A', name: query.questions?.[0]?.name ?? '', ttl: 60, data: '203.0.113.66' }],
  });
  const wrongId = await lab(t, [
    (query, over, bytes) => (over === 'udp' ? { ...forged(query), id: (query.id ?? 0) ^ 1 } : good(query, over, bytes)),
    good,
  ]);
  assert.deepEqual(data(await askUdp(wrongId.to, ask('www.example'))), ['192.0.2.9']);
  const wrongName = await lab(t, [
    (query) => ({ ...forged(query), questions: [{ type: 'A', name: 'other.example' }] }),
    good,
  ]);
  assert.deepEqual(data(await askUdp(wrongName.to, ask('www.example'))), ['192.0.2.9']);
  // A server that does not keep the spelling is asked over a connection, which nobody forges.
  const lower = await lab(t, [
    (query, over, bytes) =>
      over === 'udp'
        ? { ...forged(query), questions: [{ type: 'A', name: 'a-long-name-in-lower-case.example' }] }
        : good(query, over, bytes),
  ]);
  assert.deepEqual(data(await askUdp(lower.to, ask('a-long-name-in-lower-case.example'))), ['192.0.2.9']);
  assert.deepEqual(
    lower.servers[0]?.asked.map((each) => each.slice(0, 3)),
    ['udp', 'tcp'],
  );
});

test('an answer that is cut short is fetched over TCP, and cut for a client that takes no more', async (t) => {
  const many = Array.from(
    { length: 60 },
    (_, index): Answer => ({ type: 'A', name: 'b.example', ttl: 60, data: `192.0.2.${index}` }),
  );
  const { to } = await lab(t, [(_, over) => (over === 'udp' ? { flags: 0x200 } : { answers: many })]);
  const plain = await askUdp(to, ask('b.example'));
  // As many as 512 bytes hold, for those that never ask over TCP.
  assert.deepEqual([plain?.flag_tc, plain?.answers?.length], [true, 19]);
  const wide = ask('b.example', 'A', {
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 4096,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  assert.equal((await askUdp(to, wide))?.answers?.length, 60);
  const [first, second] = await askTcp(to, [ask('b.example'), ask('b.example')]);
  assert.deepEqual([first?.answers?.length, second?.answers?.length], [60, 60]);
});

test('names over TCP, many questions on one connection', async (t) => {
  const { members, to } = await lab(t, []);
  members.join(blue.id, member('1'));
  const answers = await askTcp(
    to,
    Array.from({ length: 100 }, () => ask('c1')),
  );
  assert.ok(answers.length === 100 && answers.every((answer) => data(answer)[0] === '127.0.0.11'));
});

test('a container with servers of its own is answered by them alone, by the address that it asks from', async (t) => {
  const speeches = [address('192.0.2.1'), address('192.0.2.2')];
  const { members, to, servers } = await lab(t, speeches, blue, { [id('1')]: '127.0.0.3' });
  members.join(blue.id, member('1', { ip: '127.0.0.1' }));
  members.join(blue.id, member('2', { ip: '127.0.0.9' }));
  assert.deepEqual(data(await askUdp(to, ask('www.example'), { from: '127.0.0.1' })), ['192.0.2.2']);
  assert.deepEqual(data(await askUdp(to, ask('www.example'), { from: '127.0.0.9' })), ['192.0.2.1']);
  assert.deepEqual([servers[0]?.asked.length, servers[1]?.asked.length], [1, 1]);
});

test('networks keep to themselves; who is on two knows both, whichever gateway he asks', async (t) => {
  const { members, names, to, ports } = await lab(t, []);
  const red = network('red', 1);
  members.addNetwork(red);
  assert.equal(await names.resolver(red.id), '127.0.1.1');
  const toRed = { address: '127.0.1.1', port: ports.get('red') ?? assert.fail() };
  members.join(blue.id, member('1'));
  members.join(red.id, member('2', { ip: '127.0.1.12' }));
  members.join(blue.id, member('3', { ip: '127.0.0.13', aliases: ['both'] }));
  members.join(red.id, member('3', { ip: '127.0.1.13', aliases: ['both'] }));
  const asks = async (from: string, name: string) => data(await askUdp(to, ask(name), { from }));
  assert.deepEqual(await asks('127.0.0.13', 'c1'), ['127.0.0.11']);
  assert.deepEqual(await asks('127.0.0.13', 'c2'), ['127.0.1.12']);
  assert.deepEqual(await asks('127.0.0.13', 'both'), ['127.0.0.13']);
  assert.deepEqual(await asks('127.0.1.13', 'both'), ['127.0.1.13']);
  assert.deepEqual(await asks('127.0.0.11', 'c2'), []);
  assert.equal(code(await askUdp(to, ask('12.1.0.127.in-addr.arpa', 'PTR'), { from: '127.0.0.11' })), 'NXDOMAIN');
  assert.deepEqual(data(await askUdp(toRed, ask('c2'), { from: '127.0.1.12' })), ['127.0.1.12']);
  members.leave(id('3'), red.id);
  assert.deepEqual(await asks('127.0.0.13', 'c2'), []);
  members.removeNetwork(red.id);
  assert.equal(await names.resolver(red.id), undefined);
  assert.equal(await askUdp(toRed, ask('c2'), { from: '127.0.1.12', milliseconds: 200 }), undefined);
  assert.equal(ports.get('red'), undefined);
});

test('a network that is made again is served again, its members included', async (t) => {
  const { members, names, ports } = await lab(t, []);
  members.join(blue.id, member('1'));
  members.addNetwork(blue);
  members.addNetwork(blue);
  await names.ready();
  const to = { address: '127.0.0.1', port: ports.get('blue') ?? assert.fail() };
  assert.deepEqual(data(await askUdp(to, ask('c1'))), ['127.0.0.11']);
});

test('who is not on a network gets no answer, and an internal network asks nobody outside', async (t) => {
  const inner = network('blue', 0, true);
  const { members, to, servers } = await lab(t, [address('192.0.2.1')], inner);
  members.join(inner.id, member('1'));
  assert.equal(await askUdp(to, ask('c1'), { from: '127.0.1.1', milliseconds: 200 }), undefined);
  assert.deepEqual(data(await askUdp(to, ask('c1'))), ['127.0.0.11']);
  assert.equal(code(await askUdp(to, ask('www.example'))), 'REFUSED');
  assert.deepEqual(servers[0]?.asked, []);
});

test('nonsense is refused or dropped and harms nothing', async (t) => {
  const { members, to } = await lab(t, []);
  members.join(blue.id, member('1'));
  assert.equal(code(await askUdp(to, Buffer.from('000100000002000000000000', 'hex'))), 'FORMERR');
  assert.equal(await askUdp(to, Buffer.from('xx'), { milliseconds: 100 }), undefined);
  assert.deepEqual(data(await askUdp(to, ask('c1'))), ['127.0.0.11']);
});

test('a port that is taken is passed over; without any the network is not served, and may still be spoken of', async (t) => {
  const { to } = await lab(t, []);
  const members = new NetworkMembers();
  const base = { members, serversOf: () => [], log: silentLog };
  const told: (number | undefined)[] = [];
  const without = createNames({ ...base, ports: () => [to.port], onPort: (_, port) => told.push(port) });
  const other = createNames({ ...base, ports: () => [to.port, 0], onPort: (_, port) => told.push(port) });
  t.after(() => without.close());
  t.after(() => other.close());
  members.addNetwork(blue);
  members.join(blue.id, member('1'));
  assert.equal(await without.resolver(blue.id), undefined);
  assert.equal(await other.resolver(blue.id), '127.0.0.1');
  assert.equal(told.length, 1);
  members.leave(id('1'));
});
