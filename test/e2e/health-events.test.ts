/** Health checks and `events` on the packaged binary: one daemon, killed and started again on the way. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary, run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon?.stop());

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: { readonly Start: string; readonly End: string; readonly ExitCode: number; readonly Output: string }[];
}

const inspect = async <T>(name: string, path: string) =>
  JSON.parse(await daemon.ok(['inspect', '-f', `{{json ${path}}}`, name])) as T;
const health = (name: string) => inspect<Health>(name, '.State.Health');
const status = (name: string) => daemon.ok(['ps', '--format', '{{.Status}}', '-f', `name=^${name}$`]);
const start = (name: string, ...flags: string[]) =>
  daemon.ok(['run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000']);

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it never came to be: ${what}`);
    await sleep(50);
  }
}
const reaches = (name: string, wanted: string) =>
  until(`${name} ${wanted}`, async () => (await health(name)).Status === wanted);

/** Seconds since the epoch, as --since and --until take them. */
/** The millisecond after this one: what has happened lies before it, in the finer grain of the daemon's clock too. */
const now = () => ((Date.now() + 1) / 1000).toFixed(3);

const QUICK = ['--health-interval', '100ms'];

describe('health checks', () => {
  test('starting, unhealthy, healthy: in ps, inspect, filters and events', async () => {
    const since = now();
    await start('life', ...QUICK, '--health-retries', '2', '--health-cmd', 'echo probed; test -e /ok');
    assert.match(await status('life'), /^Up .+ \((health: starting|unhealthy)\)$/);
    await reaches('life', 'unhealthy');
    assert.match(await status('life'), /^Up .+ \(unhealthy\)$/);
    const sick = await health('life');
    assert.ok(sick.FailingStreak >= 2);
    assert.deepEqual([sick.Log[0]?.ExitCode, sick.Log[0]?.Output], [1, 'probed\n']);
    assert.match(sick.Log[0]?.Start ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    const named = (value: string) =>
      daemon.ok(['ps', '-a', '--format', '{{.Names}}', '-f', `health=${value}`, '-f', 'name=life']);
    assert.equal(await named('unhealthy'), 'life');
    assert.equal(await named('healthy'), '');
    await daemon.ok(['exec', 'life', 'touch', '/ok']);
    await reaches('life', 'healthy');
    assert.equal(await named('healthy'), 'life');
    assert.equal((await health('life')).FailingStreak, 0);
    await until('five results', async () => (await health('life')).Log.every(({ ExitCode }) => ExitCode === 0));
    assert.equal((await health('life')).Log.length, 5);
    assert.deepEqual(await inspect('life', '.Config.Healthcheck'), {
      Test: ['CMD-SHELL', 'echo probed; test -e /ok'],
      Interval: 100_000_000,
      Retries: 2,
    });
    const told = ['events', '--since', since, '--until', now(), '--format', '{{.Action}}', '-f', 'event=health_status'];
    assert.equal(await daemon.ok(told), 'health_status: unhealthy\nhealth_status: healthy');
    await daemon.ok(['rm', '-f', 'life']);
  });

  test('the check of an image, with its shell; parts of it replaced; none', async () => {
    const context = join(daemon.directory, 'checked');
    await mkdir(context);
    await writeFile(
      join(context, 'Dockerfile'),
      `FROM busybox
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=100ms --timeout=7s --retries=4 CMD echo "$-"
`,
    );
    await daemon.ok(['build', '-q', '-t', 'checked', context]);
    const begin = (name: string, ...flags: string[]) =>
      daemon.ok(['run', '-d', '--name', name, ...flags, 'checked', 'sleep', '1000']);
    await begin('as-built');
    await begin('replaced', '--health-cmd', 'exit 3', '--health-retries', '1');
    await begin('off', '--no-healthcheck');
    await reaches('as-built', 'healthy');
    await reaches('replaced', 'unhealthy');
    // -e is on: the image's shell runs it.
    assert.match((await health('as-built')).Log[0]?.Output ?? '', /e/);
    assert.equal((await health('replaced')).Log[0]?.ExitCode, 3);
    assert.deepEqual(await inspect('replaced', '.Config.Healthcheck'), {
      Test: ['CMD-SHELL', 'exit 3'],
      Interval: 100_000_000,
      Timeout: 7_000_000_000,
      Retries: 1,
    });
    const off = JSON.parse(await daemon.ok(['inspect', 'off'])) as [
      { State: object; Config: { Healthcheck: { Test: string[] } } },
    ];
    assert.equal('Health' in off[0].State, false);
    assert.deepEqual(off[0].Config.Healthcheck.Test, ['NONE']);
    assert.match(await status('off'), /^Up [^(]+$/);
    assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}', '-f', 'health=none']), 'off');
    await daemon.ok(['rm', '-f', 'as-built', 'replaced', 'off']);
  });

  test('one that takes too long is killed; what cannot be run is a failure; long output is cut', async () => {
    await start('slow', ...QUICK, '--health-timeout', '200ms', '--health-retries', '1', '--health-cmd', 'sleep 543');
    await start('loud', ...QUICK, '--health-retries', '1', '--health-cmd', 'yes | head -c 100000');
    await reaches('slow', 'unhealthy');
    const [late] = (await health('slow')).Log;
    assert.deepEqual([late?.ExitCode, late?.Output], [-1, 'Health check exceeded timeout (200ms)']);
    await until('nothing of it is left', async () => {
      const { stdout } = await daemon.k3c(['exec', 'slow', 'ps', '-o', 'args']);
      return stdout.split('\n').filter((line) => line === 'sleep 543').length <= 1;
    });
    await reaches('loud', 'healthy');
    assert.equal((await health('loud')).Log[0]?.Output, `${'y\n'.repeat(2048)}...`);
    await daemon.ok(['rm', '-f', 'slow', 'loud']);
    await until('no FIFO of a probe is left', async () => {
      const names = await readdir(join(daemon.state, 'io'));
      return names.every((name) => !/^[0-9a-f]{64}\./.test(name));
    });
  });

  test('failures of the start period do not count', async () => {
    const period = ['--health-start-period', '1h', '--health-start-interval', '50ms', '--health-interval', '1h'];
    await start('patient', ...period, '--health-retries', '1', '--health-cmd', 'test -e /ok');
    await until('probed several times', async () => (await health('patient')).Log.length >= 3);
    const { Status, FailingStreak } = await health('patient');
    assert.deepEqual([Status, FailingStreak], ['starting', 0]);
    await daemon.ok(['exec', 'patient', 'touch', '/ok']);
    await reaches('patient', 'healthy');
    await daemon.ok(['rm', '-f', 'patient']);
  });

  test('a paused container and a stopped one are not checked', async () => {
    await start('rests', ...QUICK, '--health-cmd', 'true');
    await reaches('rests', 'healthy');
    await daemon.ok(['pause', 'rests']);
    const before = await health('rests');
    assert.equal(before.Status, 'unhealthy');
    assert.match(await status('rests'), /^Up .+ \(Paused\)$/);
    await sleep(500);
    assert.deepEqual(await health('rests'), before);
    await daemon.ok(['unpause', 'rests']);
    await reaches('rests', 'healthy');
    await daemon.ok(['stop', '-t', '0', 'rests']);
    const stopped = await health('rests');
    assert.deepEqual([stopped.Status, stopped.Log.at(-1)?.ExitCode], ['unhealthy', 0]);
    await sleep(300);
    assert.deepEqual(await health('rests'), stopped);
    await daemon.ok(['start', 'rests']);
    await reaches('rests', 'healthy');
    await daemon.ok(['rm', '-f', 'rests']);
  });

  test('run --rm with a check ends as it would without', async () => {
    const { code, stdout } = await daemon.k3c([
      ...['run', '--rm', '--health-cmd', 'sleep 100', '--health-interval', '50ms'],
      ...['busybox', 'sh', '-c', 'sleep 0.4; echo over; exit 4'],
    ]);
    assert.deepEqual([code, stdout], [4, 'over\n']);
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });

  test('what cannot be is refused in docker’s words', async () => {
    const refused: [flags: string[], sentence: string][] = [
      [['--no-healthcheck', '--health-cmd', 'x'], 'k3c: --no-healthcheck conflicts with --health-* options'],
      [
        ['--health-cmd', 'x', '--health-interval', '999us'],
        'k3c: Error response from daemon: Interval in Healthcheck cannot be less than 1ms',
      ],
      [
        ['--health-timeout', '5'],
        'invalid argument "5" for "--health-timeout" flag: time: missing unit in duration "5"',
      ],
    ];
    for (const [flags, sentence] of refused) {
      const { code, stderr } = await daemon.k3c(['create', ...flags, 'busybox', 'true']);
      assert.deepEqual([code, stderr.split('\n')[0]], [125, sentence]);
    }
    assert.equal((await daemon.k3c(['ps', '-f', 'health=well'])).code, 1);
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    test(`a daemon that ends by ${signal} and comes back goes on with what it knew`, async () => {
      await start('kept', ...QUICK, '--health-cmd', 'true');
      await reaches('kept', 'healthy');
      await daemon.end(signal);
      await daemon.start();
      const { Status, Log } = await health('kept');
      assert.equal(Status, 'healthy');
      const last = Log.at(-1)?.End ?? '';
      await until('it is checked again', async () => ((await health('kept')).Log.at(-1)?.End ?? '') > last);
      await daemon.ok(['rm', '-f', 'kept']);
    });
  }
});

describe('events', () => {
  const listen = (args: readonly string[], direct = false) => {
    const child = daemon.spawn(['events', ...args], { direct });
    let out = '';
    child.stdout?.on('data', (data: Buffer) => {
      out += data.toString();
    });
    return { child, out: () => out };
  };

  test('a life in docker’s lines', async () => {
    const since = now();
    const id = await daemon.ok([
      'create',
      '--name',
      'told',
      '-l',
      'a=b',
      '-v',
      'told-data:/d',
      'busybox',
      'sleep',
      '1000',
    ]);
    await daemon.ok(['start', 'told']);
    await daemon.ok(['exec', 'told', 'true']);
    await daemon.ok(['rename', 'told', 'retold']);
    await daemon.ok(['stop', '-t', '0', 'retold']);
    await daemon.ok(['rm', 'retold']);
    const lines = (await daemon.ok(['events', '--since', since, '--until', now()])).split('\n');
    const seen = lines.map((line) => {
      assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) /);
      return line
        .slice(line.indexOf(' ') + 1)
        .replace(/execID=[0-9a-f]{64}/, 'execID=X')
        .replace(/^(network \w+) [0-9a-f]{64}/, '$1 NETWORK');
    });
    const told = '(a=b, image=busybox, name=told)';
    const net = `(container=${id}, name=bridge, type=bridge)`;
    const retold = (attributes: string) => `(${attributes}a=b, image=busybox, name=retold)`;
    assert.deepEqual(seen, [
      'volume create told-data (driver=local)',
      `container create ${id} ${told}`,
      `network connect NETWORK ${net}`,
      `volume mount told-data (container=${id}, destination=/d, driver=local, propagation=, read/write=true)`,
      `container start ${id} ${told}`,
      `container exec_create: true ${id} (a=b, execID=X, image=busybox, name=told)`,
      `container exec_start: true ${id} (a=b, execID=X, image=busybox, name=told)`,
      `container exec_die ${id} (a=b, execID=X, exitCode=0, image=busybox, name=told)`,
      `container rename ${id} (a=b, image=busybox, name=retold, oldName=/told)`,
      `container kill ${id} (a=b, image=busybox, name=retold, signal=15)`,
      `container kill ${id} (a=b, image=busybox, name=retold, signal=9)`,
      seen[11],
      `network disconnect NETWORK ${net}`,
      `volume unmount told-data (container=${id}, driver=local)`,
      `container stop ${id} ${retold('')}`,
      `container destroy ${id} ${retold('')}`,
    ]);
    assert.match(
      seen[11] ?? '',
      /^container die \w+ \(a=b, execDuration=\d, exitCode=137, image=busybox, name=retold\)$/,
    );
  });

  test('a run in the foreground, and one more client', async () => {
    const since = now();
    await daemon.ok(['run', '--rm', 'busybox', 'true']);
    await start('listened');
    const client = daemon.spawn(['attach', '--no-stdin', 'listened']);
    const actions = () =>
      daemon.ok(['events', '--since', since, '--until', now(), '-f', 'type=container', '--format', '{{.Action}}']);
    await until('the attach', async () => (await actions()).endsWith('\nstart\nattach'));
    assert.equal(await actions(), 'create\nattach\nstart\ndie\ndestroy\ncreate\nstart\nattach');
    await daemon.ok(['rm', '-f', 'listened']);
    if (client.exitCode === null) await once(client, 'exit');
  });

  test('images', async () => {
    const since = now();
    const id = await daemon.ok(['inspect', '-f', '{{.Id}}', '--type', 'image', 'busybox']);
    await daemon.ok(['tag', 'busybox', 'other:1']);
    await daemon.ok(['rmi', 'other:1']);
    const args = ['events', '--since', since, '--until', now(), '-f', 'type=image', '--format', 'json'];
    const events = (await daemon.ok(args)).split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const [tag, untag] = events;
    assert.equal(events.length, 2);
    const { time, timeNano, ...rest } = tag ?? {};
    assert.deepEqual(rest, {
      status: 'tag',
      id,
      Type: 'image',
      Action: 'tag',
      Actor: { ID: id, Attributes: { name: 'other:1' } },
      scope: 'local',
    });
    assert.equal(Math.floor(Number(timeNano) / 1e9), time);
    assert.deepEqual([untag?.['Action'], untag?.['id']], ['untag', id]);
  });

  for (const direct of [false, true]) {
    test(`follow, with the past first; ^C ends it (${direct ? 'by a process of its own' : 'through the front door'})`, async () => {
      const since = now();
      await daemon.ok(['create', '--name', 'one', 'busybox', 'true']);
      const filters = [
        '-f',
        'event=create',
        '-f',
        'event=destroy',
        '--format',
        '{{.Action}} {{.Actor.Attributes.name}}',
      ];
      const { child, out } = listen(['--since', since, ...filters], direct);
      await until('the past', async () => out() === 'create one\n');
      await daemon.ok(['create', '--name', 'two', 'busybox', 'true']);
      await daemon.ok(['rm', 'one', 'two']);
      await until('the present', async () => out() === 'create one\ncreate two\ndestroy one\ndestroy two\n');
      child.kill('SIGINT');
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      assert.ok(code === 130 || signal === 'SIGINT', `${code} ${signal}`);
    });
  }

  test('a reader that has enough ends it, at the next event', async () => {
    const command = `${binary} events --since ${now()} -f event=create --format '{{.Action}}' | head -1`;
    const env = { ...process.env, K3C_ADDRESS: daemon.address };
    let ended = false;
    const head = run('sh', ['-c', command], { env }).finally(() => {
      ended = true;
    });
    await until('its end', async () => {
      await daemon.ok(['rm', await daemon.ok(['create', 'busybox', 'true'])]);
      return ended;
    });
    const { code, stdout } = await head;
    assert.deepEqual([code, stdout], [0, 'create\n']);
  });

  test('an end in the future ends it then', async () => {
    const started = performance.now();
    assert.equal(await daemon.ok(['events', '--until', (Date.now() / 1000 + 0.7).toFixed(3), '-f', 'type=none']), '');
    assert.ok(performance.now() - started > 500);
  });

  test('probes are told live, and do not fill the history', async () => {
    const since = now();
    const { child, out } = listen(['-f', 'event=exec_start', '-f', 'event=exec_die', '--format', '{{.Action}}']);
    // The first answer of a listener is its first event: until then nobody knows whether it listens.
    await start('beats', ...QUICK, '--health-cmd', 'true');
    await until('a probe is told', async () => out().includes('exec_start: /bin/sh -c true\nexec_die\n'));
    child.kill('SIGTERM');
    await once(child, 'exit');
    assert.equal(await daemon.ok(['events', '--since', since, '--until', now(), '-f', 'event=exec_start']), '');
    await daemon.ok(['rm', '-f', 'beats']);
  });

  test('what cannot be is refused', async () => {
    const fails = async (...args: string[]) => {
      const { code, stderr } = await daemon.k3c(['events', ...args]);
      return [code, stderr.split('\n')[0]];
    };
    assert.deepEqual(await fails('-f', 'foo=bar'), [1, `Error response from daemon: invalid filter 'foo'`]);
    assert.deepEqual(await fails('--since', '20', '--until', '10'), [
      1,
      'Error response from daemon: `since` time (20) cannot be after `until` time (10)',
    ]);
    assert.deepEqual(await fails('--since', 'foo'), [1, 'failed to parse value as time or duration: "foo"']);
    assert.equal((await fails('--format', '{{.Foo}}'))[0], 64);
  });
});
