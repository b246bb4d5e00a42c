/** stats, top and port against a made-up daemon. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { cli, runOn, TestHost } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import type { ContainerStats } from '../../api/gen/k3c.ts';

const web: ContainerStats = {
  id: 'a'.repeat(64),
  name: 'web',
  reference: 'web',
  sampled: true,
  cpuPercent: 12.345,
  memoryUsage: 340n << 10n,
  memoryLimit: 64n << 20n,
  networkReceived: 1530n,
  networkSent: 0n,
  blockRead: 4096n,
  blockWritten: 0n,
  pids: 3n,
};
const young: ContainerStats = { ...web, id: 'b'.repeat(64), name: 'young', reference: 'b'.repeat(64), sampled: false };
const stopped: ContainerStats = {
  ...web,
  name: 'stopped',
  cpuPercent: 0,
  memoryUsage: 0n,
  memoryLimit: 0n,
  networkReceived: 0n,
  blockRead: 0n,
  pids: 0n,
};

function sampler(...messages: (readonly ContainerStats[])[]) {
  const asked: object[] = [];
  const stats = async function* (request: object) {
    asked.push(request);
    for (const containers of messages) yield { containers };
  };
  return { asked, containers: { stats } };
}

const HEADER = 'CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O       BLOCK I/O    PIDS\n';

describe('stats', () => {
  test('the table is docker’s', async () => {
    const { code, out } = await cli(['stats', '--no-stream'], { client: sampler([web, young, stopped]) });
    assert.equal(code, 0);
    assert.equal(
      out,
      `${HEADER}aaaaaaaaaaaa   web       12.35%    340KiB / 64MiB      0.52%     1.53kB / 0B   4.1kB / 0B   3
bbbbbbbbbbbb   young     --        -- / --             --        --            --           --
aaaaaaaaaaaa   stopped   0.00%     0B / 0B             0.00%     0B / 0B       0B / 0B      0
`,
    );
  });

  const forms: [argv: string[], out: string][] = [
    [['--format', '{{.Container}} {{.Name}} {{.ID}}'], 'web web aaaaaaaaaaaa\n'],
    [['--no-trunc', '--format', '{{.ID}}'], `${'a'.repeat(64)}\n`],
    [['--format', 'table {{.Name}}\\t{{.PIDs}}'], 'NAME      PIDS\nweb       3\n'],
    [
      ['--format', 'json'],
      '{"BlockIO":"4.1kB / 0B","CPUPerc":"12.35%","Container":"web","ID":"aaaaaaaaaaaa","MemPerc":"0.52%","MemUsage":"340KiB / 64MiB","Name":"web","NetIO":"1.53kB / 0B","PIDs":"3"}\n',
    ],
  ];
  for (const [argv, expected] of forms) {
    test(argv.join(' '), async () => {
      assert.equal((await cli(['stats', '--no-stream', ...argv], { client: sampler([web]) })).out, expected);
    });
  }

  const requests: [argv: string[], request: object][] = [
    [[], { containers: [], all: false, once: false }],
    [['-a'], { containers: [], all: true, once: false }],
    [['--no-stream', 'a', 'b', 'a'], { containers: ['a', 'b'], all: false, once: true }],
  ];
  for (const [argv, request] of requests) {
    test(`${argv.join(' ')} asks for the right ones`, async () => {
      const client = sampler();
      await cli(['stats', ...argv], { client });
      assert.deepEqual(client.asked, [request]);
    });
  }

  test('a template that is wrong is told before the daemon is asked', async () => {
    const { code, err } = await cli(['stats', '--format', '{{.Nope'], { client: sampler([web]) });
    assert.deepEqual([code, err], [1, 'failed to parse template: template: :1: unclosed action\n']);
  });

  test('each name that is not there is told', async () => {
    const missing = (container: string) =>
      new K3cError(Code.NOT_FOUND, `No such container: ${container}`, { reason: 'container-not-found', remote: true });
    const client = {
      containers: {
        stats: ({ containers }: { containers: string[] }) => ({
          [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(missing(containers[1] ?? '')) }),
        }),
        inspect: ({ container }: { container: string }) =>
          container === 'web' ? Promise.resolve({ document: Buffer.from('{}') }) : Promise.reject(missing(container)),
      },
    };
    for (const flags of [[], ['--no-stream']]) {
      const { code, out, err } = await cli(['stats', ...flags, 'web', 'one', 'two'], { client });
      assert.deepEqual([code, out], [1, '']);
      assert.equal(
        err,
        ['one', 'two'].map((name) => `Error response from daemon: No such container: ${name}\n`).join(''),
      );
      // It was made between the two calls.
      const late = await cli(['stats', ...flags, 'web', 'web'], { client });
      assert.deepEqual([late.code, late.err], [1, 'Error response from daemon: No such container: \n']);
    }
  });

  test('frames: from the top, every line to its end, nothing below; the screen is cleared at the end', async () => {
    const { out } = await cli(['stats', 'web'], { client: sampler([web], [{ ...web, name: 'w' }], []) });
    const lines = out.replaceAll('\u001b[K\n', '<K>').split('\u001b[H').slice(1);
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /^CONTAINER ID .*PIDS<K>aaaaaaaaaaaa {3}web .*3<K>/);
    assert.match(lines[1] ?? '', /^CONTAINER ID .*PIDS<K>aaaaaaaaaaaa {3}w .*3<K>/);
    for (const line of lines) assert.ok(line.endsWith('\u001b[J'));
    assert.equal(lines[2], '\u001b[J');
  });

  test('what does not fit the terminal is left out; a new size is drawn at once', async () => {
    const gate = Promise.withResolvers<void>();
    const stats = async function* () {
      yield { containers: [web, web, web, web] };
      await gate.promise;
    };
    const host = new TestHost({ tty: { stdout: true }, size: { columns: 200, rows: 4 } });
    const running = runOn(host, ['stats'], { containers: { stats } });
    const frames = () => host.out.toString().split('\u001b[H').slice(1);
    while (frames().length < 1) await new Promise((resolve) => setImmediate(resolve));
    const rows = (frame: string | undefined) => (frame ?? '').split('\n').length - 1;
    assert.equal(rows(frames()[0]), 3);
    host.resize({ columns: 200, rows: 40 });
    assert.equal(rows(frames()[1]), 5);
    // Each line takes two rows of the terminal now.
    host.resize({ columns: 60, rows: 6 });
    assert.equal(rows(frames()[2]), 2);
    gate.resolve();
    assert.equal(await running, 0);
    assert.equal(host.listeners, 0);
  });
});

describe('formats of the user’s own', () => {
  const list = () => Promise.resolve({ containers: [] });
  const home = async (t: TestContext, text: string) => {
    const directory = await mkdtemp(join(tmpdir(), 'k3c-format-'));
    t.after(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'config.json'), text);
    return {
      env: { DOCKER_CONFIG: directory },
      client: { ...sampler([web]), containers: { list, ...sampler([web]).containers } },
    };
  };

  test('stand in config.json, and --format wins', async (t) => {
    const options = await home(
      t,
      '{"psFormat":"table {{.Names}}","statsFormat":"{{.Name}}!","imagesFormat":"table {{.Tag}}"}',
    );
    assert.equal((await cli(['ps'], options)).out, 'NAMES\n');
    assert.equal((await cli(['ps', '--format', 'table {{.ID}}'], options)).out, 'CONTAINER ID\n');
    assert.equal((await cli(['ps', '-q'], options)).out, '');
    assert.equal((await cli(['stats', '--no-stream'], options)).out, 'web!\n');
    const images = { list: () => Promise.resolve({ images: [] }) };
    assert.equal((await cli(['images'], { ...options, client: { images } })).out, 'TAG\n');
  });

  test('a file that is wrong is no reason to fail', async (t) => {
    const options = await home(t, '{"auths":{"x":{"auth":"secret"');
    const { code, out, err } = await cli(['ps'], options);
    assert.equal(code, 0);
    assert.match(out, /^CONTAINER ID/);
    assert.match(err, /^WARNING: Error loading config file: .*config\.json is not valid JSON\n$/);
  });
});

describe('top', () => {
  test('columns of twenty, as docker prints them', async () => {
    const asked: object[] = [];
    const top = (request: object) => {
      asked.push(request);
      return Promise.resolve({ titles: ['UID', 'PID', 'CMD'], processes: [{ values: ['root', '729', 'sleep 1000'] }] });
    };
    const { code, out } = await cli(['top', 'web', '-o', 'pid,comm'], { client: { containers: { top } } });
    assert.equal(code, 0);
    assert.equal(
      out,
      'UID                 PID                 CMD\nroot                729                 sleep 1000\n',
    );
    assert.deepEqual(asked, [{ container: 'web', psOptions: ['-o', 'pid,comm'] }]);
  });

  test('needs a container', async () => {
    const { code, err } = await cli(['top']);
    assert.equal(code, 1);
    assert.match(err, /'k3c top' requires at least 1 argument/);
  });
});

describe('port', () => {
  const Ports = {
    '443/tcp': null,
    '9000/tcp': [{ HostIp: '0.0.0.0', HostPort: '9000' }],
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8088' },
      { HostIp: '::1', HostPort: '8089' },
    ],
    '53/udp': [{ HostIp: '127.0.0.1', HostPort: '53' }],
  };
  const inspect = ({ container }: { container: string }) =>
    container === 'web'
      ? Promise.resolve({ document: Buffer.from(JSON.stringify({ NetworkSettings: { Ports } })) })
      : Promise.reject(new K3cError(Code.NOT_FOUND, `No such container: ${container}`, { remote: true }));
  const cases: [argv: string[], code: number, text: string][] = [
    [['web'], 0, '53/udp -> 127.0.0.1:53\n80/tcp -> 0.0.0.0:8088\n80/tcp -> ::1:8089\n9000/tcp -> 0.0.0.0:9000\n'],
    [['web', '80'], 0, '0.0.0.0:8088\n::1:8089\n'],
    [['web', '80/tcp'], 0, '0.0.0.0:8088\n::1:8089\n'],
    [['web', '53/UDP'], 0, '127.0.0.1:53\n'],
    [['web', '53'], 1, "Error: No public port '53' published for web\n"],
    [['web', '443'], 1, "Error: No public port '443' published for web\n"],
    [['web', '80/foo'], 1, "Error: No public port '80/foo' published for web\n"],
    [['web', 'abc'], 1, 'Error: invalid port (abc): strconv.ParseUint: parsing "abc": invalid syntax\n'],
    [['web', '70000'], 1, 'Error: invalid port (70000): strconv.ParseUint: parsing "70000": value out of range\n'],
    [['nope'], 1, 'Error response from daemon: No such container: nope\n'],
  ];
  for (const [argv, code, text] of cases) {
    test(argv.join(' '), async () => {
      const result = await cli(['port', ...argv], { client: { containers: { inspect } } });
      assert.deepEqual([result.code, result.out + result.err], [code, text]);
    });
  }
});
