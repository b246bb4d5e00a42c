import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openDatabase } from '../../state/database.ts';
import type { EventRecord } from '../../state/events.ts';
import { EventBus } from './bus.ts';
import { eventMatcher } from './filters.ts';
import { streamEvents } from './stream.ts';

const happened = (actor: string, action = 'start') => ({ type: 'container', action, actor, attributes: {} }) as const;
const LAST = (1n << 63n) - 1n;

function rig() {
  const state = openDatabase(':memory:');
  const bus = new EventBus(state.events);
  const ending = new AbortController();
  const all = () => true;
  const stream = (over: { since?: bigint; until?: bigint; matches?: (event: EventRecord) => boolean } = {}) =>
    streamEvents(bus, { since: 0n, until: 0n, matches: all, ...over }, ending.signal);
  /** Reads to the end, in the background. */
  const reader = (over: Parameters<typeof stream>[0] = {}) => {
    const actors: string[] = [];
    const done = (async () => {
      for await (const { actor } of stream(over)) actors.push(actor);
    })();
    return { actors, done };
  };
  return { bus, stream, reader, end: () => ending.abort() };
}

const nanoseconds = (milliseconds: number) => BigInt(milliseconds) * 1_000_000n;

describe('the stream', () => {
  test('the present only, until it is ended', async () => {
    const { bus, reader, end } = rig();
    bus.record(happened('before'));
    const { actors, done } = reader();
    await turn();
    bus.record(happened('a'));
    bus.announce(happened('b'));
    await turn();
    end();
    await done;
    assert.deepEqual(actors, ['a', 'b']);
    assert.equal(bus.hasListeners, false);
  });

  test('past and present without a gap or an overlap, however slow the reader', async () => {
    const { bus, stream, end } = rig();
    for (let i = 0; i < 50; i++) bus.record(happened(`${i}`));
    const actors: string[] = [];
    let next = 50;
    for await (const { actor } of stream({ since: 1n })) {
      actors.push(actor);
      if (next < 100) bus.record(happened(`${next++}`));
      if (actors.length === 100) end();
      await turn();
    }
    assert.deepEqual(
      actors,
      Array.from({ length: 100 }, (_, i) => `${i}`),
    );
  });

  test('what was only announced is not in the past', async () => {
    const { bus, reader } = rig();
    bus.announce(happened('heartbeat'));
    bus.record(happened('kept'));
    const { actors, done } = reader({ until: nanoseconds(Date.now() + 1) });
    await done;
    assert.deepEqual(actors, ['kept']);
  });

  test('an end in the past ends it at once, and includes its moment', async () => {
    const { bus, reader } = rig();
    bus.record(happened('a'));
    bus.record(happened('b'));
    bus.record(happened('c'));
    const [a, b] = bus.range(0n, LAST);
    const { actors, done } = reader({ since: a?.timeNano ?? 0n, until: b?.timeNano ?? 0n });
    await done;
    assert.deepEqual(actors, ['a', 'b']);
  });

  test('an end in the future ends it then', async () => {
    const { bus, reader } = rig();
    const until = Date.now() + 120;
    const { actors, done } = reader({ until: nanoseconds(until) });
    await turn();
    bus.record(happened('in time'));
    await done;
    assert.ok(Date.now() >= until);
    assert.deepEqual(actors, ['in time']);
    assert.equal(bus.hasListeners, false);
  });

  test('a range that ends before it begins is refused', async () => {
    const { reader } = rig();
    await assert.rejects(reader({ since: nanoseconds(2000), until: nanoseconds(1000) }).done, {
      message: '`since` time (2) cannot be after `until` time (1)',
      reason: 'bad-input',
    });
  });

  test('a reader that is too slow gets what came before the gap, and is told', async () => {
    const { bus, stream } = rig();
    const events = stream();
    const first = events.next();
    for (let i = 0; i < 5000; i++) bus.announce(happened(`${i}`));
    let last = (await first).value?.actor;
    await assert.rejects(
      async () => {
        for await (const { actor } of events) last = actor;
      },
      { reason: undefined, message: 'events come faster than they are read: more than 4096 were waiting' },
    );
    assert.equal(last, '4095');
    assert.equal(bus.hasListeners, false);
  });

  test('a reader that leaves is forgotten', async () => {
    const { bus, stream } = rig();
    bus.record(happened('a'));
    for await (const _ of stream({ since: 1n })) break;
    assert.equal(bus.hasListeners, false);
  });
});

describe('filters', () => {
  const web = {
    type: 'container',
    action: 'exec_create: ls',
    actor: 'abcdef',
    attributes: { name: 'web', image: 'localhost:5000/nginx:1', tier: 'a' },
  };
  const image = { type: 'image', action: 'pull', actor: 'busybox:latest', attributes: { name: 'busybox' } };
  const volume = { type: 'volume', action: 'mount', actor: 'data', attributes: { container: 'abcdef' } };
  const network = { type: 'network', action: 'connect', actor: 'bridge', attributes: { name: 'bridge' } };
  const pod = { type: 'pod', action: 'start', actor: 'fedcba', attributes: { name: 'duo' } };
  const member = {
    type: 'container',
    action: 'die',
    actor: 'c0ffee',
    attributes: { name: 'app', pod: 'duo', podId: 'fedcba' },
  };
  // What a user calls a pod is none.
  const labelled = { type: 'container', action: 'die', actor: 'beef', attributes: { name: 'odd', pod: 'duo' } };
  const names = new Map(Object.entries({ web, image, volume, network, pod, member, labelled }));

  function chosen(filters: Record<string, string[]>): string {
    const matches = eventMatcher(filters);
    return [...names].flatMap(([name, event]) => (matches(event as unknown as EventRecord) ? [name] : [])).join(' ');
  }

  const cases: [filters: Record<string, string[]>, chosen: string][] = [
    [{}, 'web image volume network pod member labelled'],
    [{ type: ['image', 'volume'] }, 'image volume'],
    [{ event: ['pull', 'mount'] }, 'image volume'],
    [{ event: ['exec_create'] }, 'web'],
    [{ event: ['exec_create: ls'] }, 'web'],
    [{ event: ['exec'] }, ''],
    [{ container: ['web'] }, 'web'],
    [{ container: ['abc'] }, 'web'],
    [{ container: ['data'] }, ''],
    [{ volume: ['data'] }, 'volume'],
    [{ network: ['bridge'] }, 'network'],
    [{ pod: ['duo'] }, 'pod member'],
    [{ pod: ['fed', 'web'] }, 'pod member'],
    [{ pod: ['app'] }, ''],
    [{ pod: ['duo'], type: ['pod'] }, 'pod'],
    [{ image: ['busybox'] }, 'image'],
    [{ image: ['busybox:latest'] }, 'image'],
    [{ image: ['localhost:5000/nginx'] }, 'web'],
    [{ image: ['localhost:5000/nginx:1', 'busybox'] }, 'web image'],
    [{ label: ['tier=a'] }, 'web'],
    [{ label: ['tier', 'name=web'] }, 'web'],
    [{ label: ['tier=b'] }, ''],
    [{ scope: ['local'] }, 'web image volume network pod member labelled'],
    [{ scope: ['swarm'] }, ''],
    [{ daemon: ['x'] }, ''],
    [{ type: ['container'], event: ['pull'] }, ''],
  ];
  for (const [filters, expected] of cases) {
    test(JSON.stringify(filters), () => assert.equal(chosen(filters), expected));
  }

  test('one that is not known', () => {
    assert.throws(() => eventMatcher({ foo: ['x'] }), { message: `invalid filter 'foo'` });
  });
});
