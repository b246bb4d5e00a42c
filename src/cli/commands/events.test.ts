import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cli, runOn, TestHost } from '../../../test/support/cli.ts';
import type { Event, EventsRequest } from '../../api/gen/k3c.ts';

const start: Event = {
  type: 'container',
  action: 'start',
  actor: 'a1'.repeat(32),
  attributes: { name: 'web', image: 'busybox', 'com.example.b': '2' },
  time: 1_795_518_796_790_070_996n,
};
const mount: Event = { type: 'volume', action: 'create', actor: 'data', attributes: { driver: 'local' }, time: 1n };
const bare: Event = { type: 'image', action: 'delete', actor: 'sha256:1', attributes: {}, time: 1_000_000_000n };

function client(events: readonly Event[], asked: EventsRequest[] = []) {
  return {
    system: {
      events: async function* (request: EventsRequest) {
        asked.push(request);
        yield* events;
      },
    },
  };
}

async function print(events: readonly Event[], ...flags: string[]): Promise<string> {
  const { code, out, err } = await cli(['events', ...flags], { client: client(events) });
  assert.deepEqual([code, err], [0, '']);
  return out;
}

describe('events', () => {
  test('lines', async () => {
    assert.equal(
      await print([start, mount, bare]),
      `2026-11-24T11:13:16.790070996Z container start ${start.actor} (com.example.b=2, image=busybox, name=web)\n` +
        '1970-01-01T00:00:00.000000001Z volume create data (driver=local)\n' +
        '1970-01-01T00:00:01.000000000Z image delete sha256:1\n',
    );
  });

  test('json, in docker’s schema', async () => {
    assert.equal(
      await print([start, mount, bare], '--format', 'json'),
      `{"status":"start","id":"${start.actor}","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"${start.actor}","Attributes":{"com.example.b":"2","image":"busybox","name":"web"}},"scope":"local","time":1795518796,"timeNano":1795518796790070996}\n` +
        '{"Type":"volume","Action":"create","Actor":{"ID":"data","Attributes":{"driver":"local"}},"scope":"local","time":0,"timeNano":1}\n' +
        '{"status":"delete","id":"sha256:1","Type":"image","Action":"delete","Actor":{"ID":"sha256:1","Attributes":{}},"scope":"local","time":1,"timeNano":1000000000}\n',
    );
    assert.equal(await print([bare], '--format', '{{json .}}'), await print([bare], '--format', 'json'));
  });

  test('templates', async () => {
    const format =
      '{{.Type}} {{.Action}} {{.Status}} {{.From}} {{.ID}} {{.Scope}} {{.Time}} {{.TimeNano}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Actor.Attributes.x}}';
    assert.equal(
      await print([start], '--format', format),
      `container start start busybox ${start.actor} local 1795518796 1795518796790070996 ${start.actor} web <no value>\n`,
    );
    assert.equal(
      await print([start], '--format', '{{range $k, $v := .Actor.Attributes}}{{$k}}={{$v}};{{end}}'),
      'com.example.b=2;image=busybox;name=web;\n',
    );
  });

  test('a wrong template is told before anything is asked', async () => {
    const unknown = await cli(['events', '--format', '{{.Foo}}']);
    assert.equal(unknown.code, 64);
    assert.equal(
      unknown.err,
      `Error parsing format: template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type *events.Message\n`,
    );
    const unclosed = await cli(['events', '--format', '{{.Foo']);
    assert.deepEqual([unclosed.code, unclosed.err], [64, 'Error parsing format: template: :1: unclosed action\n']);
  });

  test('what is asked', async () => {
    const asked: EventsRequest[] = [];
    const flags = [
      '--since',
      '1136073600.5',
      '--until',
      '2006-01-02T00:00:00Z',
      '-f',
      'event=start',
      '-f',
      'event=die',
    ];
    await cli(['system', 'events', ...flags, '-f', 'label=a=b'], { client: client([], asked) });
    assert.deepEqual(asked, [
      {
        since: 1_136_073_600_500_000_000n,
        until: 1_136_160_000_000_000_000n,
        filters: { event: { values: ['start', 'die'] }, label: { values: ['a=b'] } },
      },
    ]);
    const wrong = await cli(['events', '--since', 'foo']);
    assert.deepEqual([wrong.code, wrong.err], [1, 'failed to parse value as time or duration: "foo"\n']);
  });

  test('a signal ends it, what was printed stays', async () => {
    const host = new TestHost({});
    const system = {
      events: async function* (_request: EventsRequest, { signal }: { signal: AbortSignal }) {
        yield bare;
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    const done = runOn(host, ['events'], { system });
    while (host.out.length === 0) await new Promise((resolve) => setImmediate(resolve));
    host.kill('SIGINT');
    assert.equal(await done, 130);
    assert.equal(host.out.toString(), '1970-01-01T00:00:01.000000000Z image delete sha256:1\n');
    assert.equal(host.err.toString(), '');
  });
});
