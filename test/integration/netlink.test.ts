/** The netlink layer against the kernel: what it makes, what it finds, and how refusals are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FlowFilter, forgetFlows, TransportProtocol } from '../../src/host/netlink/conntrack.ts';
import { NetlinkError } from '../../src/host/netlink/error.ts';
import { counter, Verdict, verdict } from '../../src/host/netlink/nft-expressions.ts';
import * as nft from '../../src/host/netlink/nftables.ts';
import * as list from '../../src/host/netlink/nftables-list.ts';
import * as rt from '../../src/host/netlink/rtnetlink.ts';
import { inheritedNetlinkSockets, NetlinkSocket } from '../../src/host/netlink/socket.ts';
import { askUdp } from '../support/ask.ts';
import { insideNetworkNamespace, runInNetworkNamespace, sh } from '../support/netns.ts';

if (!insideNetworkNamespace()) {
  test('netlink in a network namespace', { timeout: 60_000 }, async (t) => {
    await runInNetworkNamespace(import.meta.filename, t.signal);
  });
} else {
  const { netfilter, route } = inheritedNetlinkSockets(process.env);
  assert.ok(netfilter && route);
  const table = { family: nft.Family.IPV4, table: 'trial' };

  test('a bridge with address, MAC and MTU comes and goes', () => {
    route.exchange(rt.newBridge({ name: 'br7', mtu: 1300 }));
    const made = rt.findLink(route, 'br7');
    assert.ok(made);
    route.exchange(
      rt.newAddress({ linkIndex: made.index, address: '10.61.7.1', prefix: 24 }),
      rt.setLinkMac(made.index, '02:00:00:00:00:07'),
      rt.setLinkUp(made.index),
    );
    const { mac, mtu, kind, up, master } = rt.findLink(route, 'br7') ?? {};
    assert.deepEqual(
      { mac, mtu, kind, up, master },
      { mac: '02:00:00:00:00:07', mtu: 1300, kind: 'bridge', up: true, master: 0 },
    );
    assert.deepEqual(
      rt.listAddresses(route).find(({ linkIndex }) => linkIndex === made.index),
      { linkIndex: made.index, address: '10.61.7.1', prefix: 24 },
    );
    assert.ok(
      rt
        .listRoutes(route)
        .some(
          ({ destination, prefix, linkIndex }) =>
            destination === '10.61.7.0' && prefix === 24 && linkIndex === made.index,
        ),
    );
    assert.deepEqual(
      rt
        .listLinks(route)
        .map(({ name }) => name)
        .sort(),
      ['br7', 'lo'],
    );
    route.exchange(rt.deleteLink(made.index));
    assert.equal(rt.findLink(route, 'br7'), undefined);
  });

  test('refusals have the errno and the kernel’s words', () => {
    route.exchange(rt.newBridge({ name: 'br8', mtu: 1300 }));
    assert.throws(() => route.exchange(rt.newBridge({ name: 'br8', mtu: 1300 })), {
      code: 'EEXIST',
      message: /^make bridge br8: EEXIST/,
    });
    assert.throws(() => route.exchange(rt.deleteLink(4242)), { code: 'ENODEV' });
    assert.throws(() => nft.applyBatch(netfilter, [nft.deleteTable(table)]), { code: 'ENOENT' });
    // The explanation travels as an attribute of the answer.
    assert.throws(
      () => route.exchange(rt.setLinkMtu(rt.findLink(route, 'br8')?.index ?? 0, 1)),
      (error) => {
        assert.ok(error instanceof NetlinkError);
        assert.deepEqual(
          error.failures.map(({ code, detail }) => [code, detail]),
          [['EINVAL', 'mtu less than device minimum']],
        );
        return true;
      },
    );
  });

  test('a batch is applied as a whole or not at all, and names every message that was refused', () => {
    const chain = { ...table, chain: 'input' };
    assert.throws(
      () =>
        nft.applyBatch(netfilter, [
          nft.newTable(table),
          nft.newChain(chain),
          nft.newRule({ ...table, chain: 'none' }, [counter()]),
          nft.deleteTable({ ...table, table: 'other' }),
        ]),
      (error) => {
        assert.ok(error instanceof NetlinkError);
        assert.deepEqual(
          error.failures.map(({ operation, code }) => [operation, code]),
          [
            ['add rule trial none', 'ENOENT'],
            ['delete table other', 'ENOENT'],
          ],
        );
        return true;
      },
    );
    assert.equal(list.tableExists(netfilter, table), false);
  });

  test('tables, chains, rules and their comments are found as they were made', () => {
    const chain = { ...table, chain: 'input' };
    const generation = list.rulesetGeneration(netfilter);
    nft.applyBatch(netfilter, [
      nft.newTable(table),
      nft.newChain(chain, { kind: 'filter', hook: nft.Hook.INPUT, priority: -5 }, true),
      nft.newRule(chain, [counter(), verdict(Verdict.ACCEPT)], { comment: 'second' }),
      nft.newRule(chain, [counter(), verdict(Verdict.ACCEPT)], { comment: 'first', atHead: true }),
    ]);
    assert.equal(list.rulesetGeneration(netfilter), generation + 1);
    assert.equal(list.tableExists(netfilter, table), true);
    assert.deepEqual(list.listChains(netfilter, nft.Family.IPV4), [
      { ...chain, base: { hook: nft.Hook.INPUT, priority: -5, drops: true } },
    ]);
    const rules = list.listRules(netfilter, table, 'input');
    assert.deepEqual(
      rules.map(({ comment }) => comment),
      ['first', 'second'],
    );
    nft.applyBatch(netfilter, rules.slice(0, 1).map(nft.deleteRule));
    assert.deepEqual(
      list.listRules(netfilter, table).map(({ comment }) => comment),
      ['second'],
    );
    nft.applyBatch(netfilter, [nft.deleteAllTables()]);
    assert.deepEqual(list.listChains(netfilter, nft.Family.IPV4), []);
    assert.deepEqual(list.listRules(netfilter, table), []);
  });

  test('elements by the thousand go in and are counted', () => {
    const map = { ...table, set: 'many' };
    const elements = Array.from({ length: 5000 }, (_, index) => ({
      key: Buffer.from([0, 0, index >> 8, index & 255]),
      value: Buffer.alloc(4),
    }));
    nft.applyBatch(netfilter, [
      nft.newTable(table),
      nft.newMap(map, [nft.DataType.PORT], [nft.DataType.IPV4], 1),
      ...nft.newElements(map, elements),
    ]);
    assert.equal(list.countElements(netfilter, map), 5000);
    assert.throws(() => nft.applyBatch(netfilter, nft.newElements(map, elements.slice(0, 1))), { code: 'EEXIST' });
    nft.applyBatch(netfilter, nft.deleteElements(map, elements.slice(0, 4000)));
    assert.equal(list.countElements(netfilter, map), 1000);
    assert.throws(() => list.countElements(netfilter, { ...table, set: 'none' }), { code: 'ENOENT' });
    nft.applyBatch(netfilter, [nft.deleteTable(table)]);
  });

  test('tracked connections are found and forgotten one by one', async () => {
    // Connections are tracked as soon as a rule asks for their state.
    sh("nft 'table ip track { chain output { type filter hook output priority 0; ct state new counter; }; }'");
    await Promise.all([askUdp('127.0.0.1', 6001, 6101), askUdp('127.0.0.1', 6002, 6102)]);
    const udp = TransportProtocol.udp;
    const list = (filter: FlowFilter): string[] => {
      const seen: string[] = [];
      forgetFlows(netfilter, filter, ({ original, reply }) => {
        seen.push(
          `${original.source}:${original.sourcePort}>${original.destination}:${original.destinationPort} ${reply.source}:${reply.sourcePort}`,
        );
        return false;
      });
      return seen.sort();
    };
    const both = ['127.0.0.1:6101>127.0.0.1:6001 127.0.0.1:6001', '127.0.0.1:6102>127.0.0.1:6002 127.0.0.1:6002'];
    assert.deepEqual(list({ protocol: udp }), both);
    assert.deepEqual(list({ protocol: udp, destinationPort: 6002 }), both.slice(1));
    assert.deepEqual(list({ protocol: TransportProtocol.tcp }), []);
    assert.equal(
      forgetFlows(netfilter, { protocol: udp }, ({ original }) => original.destinationPort === 6001),
      1,
    );
    assert.deepEqual(list({ protocol: udp }), both.slice(1));
    sh('nft delete table ip track');
  });

  test('a descriptor that is closed is told by its errno', () => {
    assert.throws(() => rt.listLinks(new NetlinkSocket(977)), { code: 'EBADF' });
  });

  test('the sockets come from the environment; what is no descriptor of one is none', () => {
    assert.deepEqual(inheritedNetlinkSockets({}), { netfilter: undefined, route: undefined });
    const { netfilter: none, route: some } = inheritedNetlinkSockets({ K3C_NL_FD: '-1,7' });
    assert.equal(none, undefined);
    assert.ok(some instanceof NetlinkSocket);
    assert.equal(inheritedNetlinkSockets({ K3C_NL_FD: '1,x' }).netfilter, undefined);
  });
}
