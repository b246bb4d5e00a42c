/** ps, inspect, stats, top and port on containers that run. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary, run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasTmux, openWindow } from '../support/tmux.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.ok([
    ...['run', '-d', '--name', 'web', '-p', '127.0.0.1:18099:80', '-p', '18100-18101:9000-9001/udp', '-v', 'data:/d'],
    ...['-v', '/tmp:/h:ro', '--tmpfs', '/t', '-l', 'tier=front', '-m', '64m', 'busybox', 'sleep', '1000'],
  ]);
  await daemon.ok(['run', '-d', '--name', 'busy', '--network', 'none', 'busybox', 'sh', '-c', 'while :; do :; done']);
  await daemon.k3c(['run', '--name', 'over', 'busybox', 'sh', '-c', 'exit 3']);
});
after(() => daemon.stop());

describe('ps', () => {
  const cases: [args: string[], out: RegExp][] = [
    [
      ['-f', 'name=web', '--format', '{{.Ports}}'],
      /^127\.0\.0\.1:18099->80\/tcp, 0\.0\.0\.0:18100->9000\/udp, (:::18100->9000\/udp, )?0\.0\.0\.0:18101->9001\/udp(, :::18101->9001\/udp)?$/,
    ],
    [
      ['-f', 'name=web', '--format', '{{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.Label "tier"}}'],
      /^data,\/tmp 1 bridge front$/,
    ],
    [['-a', '-f', 'exited=3', '--format', '{{.Names}} {{.State}} {{.Status}}'], /^over exited Exited \(3\) .* ago$/],
    [['-f', 'publish=18099', '-q', '--no-trunc'], /^[0-9a-f]{64}$/],
    [['-f', 'expose=9000-9001/udp', '--format', '{{.Names}}'], /^web$/],
    [['-f', 'volume=data', '--format', '{{.Names}}'], /^web$/],
    [['-f', 'network=none', '--format', '{{.Names}}'], /^busy$/],
    [['-f', 'ancestor=busybox', '-f', 'name=^web$', '--format', '{{.Names}}'], /^web$/],
    [['-f', 'since=web', '--format', '{{.Names}}'], /^busy$/],
    [['-a', '-f', 'before=busy', '--format', '{{.Names}}'], /^web$/],
    [['-n', '1', '--format', '{{.Names}}'], /^over$/],
    [['-f', 'name=web', '--format', 'table {{.Names}}\t{{.Image}}'], /^NAMES {5}IMAGE\nweb {7}busybox$/],
  ];
  for (const [args, out] of cases)
    test(args.join(' '), async () => assert.match(await daemon.ok(['ps', ...args]), out));

  test('a filter that is none', async () => {
    const { code, stderr } = await daemon.k3c(['ps', '-f', 'status=asleep']);
    assert.equal(code, 1);
    assert.match(stderr, /^Error response from daemon: invalid filter 'status=asleep': .* must be one of created, /);
  });
});

describe('inspect', () => {
  const inspect = async (template: string, name = 'web') => await daemon.ok(['inspect', '-f', template, name]);

  test('what only the running pod knows', async () => {
    const [netns = '', mac = '', ip = ''] = (
      await inspect('{{with .NetworkSettings}}{{.SandboxKey}} {{.MacAddress}} {{.IPAddress}}{{end}}')
    ).split(' ');
    const link = await run('nsenter', [`--net=${netns}`, 'ip', '-o', 'addr', 'show', 'dev', 'eth0']);
    assert.match(link.stdout, new RegExp(`inet ${ip.replaceAll('.', '\\.')}/`));
    const hardware = await run('nsenter', [`--net=${netns}`, 'ip', '-o', 'link', 'show', 'dev', 'eth0']);
    assert.ok(mac !== '' && hardware.stdout.includes(mac), hardware.stdout);
    const members = await daemon.ok([
      'network',
      'inspect',
      '-f',
      '{{range .Containers}}{{.Name}}={{.MacAddress}} {{end}}',
      'bridge',
    ]);
    assert.ok(members.includes(`web=${mac} `), members);
    const upper = await inspect('{{.GraphDriver.Data.UpperDir}}');
    await daemon.ok(['exec', 'web', 'sh', '-c', 'echo x > /written']);
    assert.equal((await run('cat', [`${upper}/written`])).stdout, 'x\n');
  });

  test('templates over it', async () => {
    assert.equal(
      await inspect('{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{(index $b 0).HostPort}} {{end}}'),
      '80/tcp=18099 9000/udp=18100 9001/udp=18101 ',
    );
    assert.equal(
      await inspect('{{.HostConfig.Memory}} {{index .Config.Labels "tier"}} {{join .Config.Cmd "+"}}'),
      '67108864 front sleep+1000',
    );
    assert.equal(
      await inspect('{{.State.Status}} {{.State.ExitCode}} {{.NetworkSettings.Ports}}', 'over'),
      'exited 3 map[]',
    );
    assert.match(await inspect('{{.ID}} {{.K3c.SandboxId}}'), /^[0-9a-f]{64} [0-9a-f]{64}$/);
  });

  test('kinds mixed in one call, and one that is not there', async () => {
    const { code, stdout, stderr } = await daemon.k3c(['inspect', 'web', 'nope', 'busybox']);
    assert.equal(code, 1);
    assert.equal(stderr, 'Error: No such object: nope\n');
    const [container, image, ...rest] = JSON.parse(stdout) as Record<string, unknown>[];
    assert.deepEqual([container?.['Name'], image?.['RepoTags'], rest], ['/web', ['busybox:latest'], []]);
    const none = await daemon.k3c(['inspect', 'nope']);
    assert.deepEqual([none.code, none.stdout, none.stderr], [1, '[]\n', 'Error: No such object: nope\n']);
    const typed = await daemon.k3c(['inspect', '--type', 'image', 'web']);
    assert.equal(typed.code, 1);
  });
});

describe('port', () => {
  // What is published on all addresses is told for IPv6 where this host has it.
  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === 'IPv6'));
  const both = (before: string, port: number) =>
    ['0.0.0.0', ...(hasIpv6 ? ['::'] : [])].map((address) => `${before}${address}:${port}`);

  test('what is published, and what is not', async () => {
    assert.equal(
      await daemon.ok(['port', 'web']),
      ['80/tcp -> 127.0.0.1:18099', ...both('9000/udp -> ', 18100), ...both('9001/udp -> ', 18101)].join('\n'),
    );
    assert.equal(await daemon.ok(['port', 'web', '9001/udp']), both('', 18101).join('\n'));
    assert.equal(await daemon.ok(['port', 'over']), '');
    const { code, stderr } = await daemon.k3c(['port', 'web', '81']);
    assert.deepEqual([code, stderr], [1, "Error: No public port '81' published for web\n"]);
  });
});

describe('top', () => {
  test('the same lines as ps -ef of the host, but for their width', async (t) => {
    const lines = (await daemon.ok(['top', 'web'])).split('\n');
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? '', /^UID {17}PID {17}PPID {16}C {19}STIME {15}TTY {17}TIME {16}CMD$/);
    const fields = (lines[1] ?? '').split(/ {2,}/);
    assert.equal(fields.at(-1), 'sleep 1000');
    if ((await run('sh', ['-c', 'command -v ps'])).code !== 0) return t.skip('no ps on this host');
    const { stdout } = await run('ps', ['-fp', fields[1] ?? '']);
    // C is the share of a processor since the start: of a young process it is another a moment later.
    const steady = (values: readonly string[]) => values.filter((_, at) => at !== 3);
    assert.deepEqual(steady(fields), steady((stdout.split('\n')[1] ?? '').trim().split(/\s+/, 7).concat('sleep 1000')));
  });

  test('options of ps', async (t) => {
    if ((await run('sh', ['-c', 'command -v ps'])).code !== 0) return t.skip('no ps on this host');
    assert.match(await daemon.ok(['top', 'web', '-o', 'pid,comm']), /^PID {17}COMMAND\n\d+ +sleep$/);
    assert.match(await daemon.ok(['top', 'web', 'aux']), /^USER .*COMMAND\n\S+ .*sleep 1000$/);
    const { code, stderr } = await daemon.k3c(['top', 'web', '-o', 'comm']);
    assert.deepEqual([code, stderr], [1, "Error response from daemon: Couldn't find PID field in ps output\n"]);
  });

  test('of a container that does not run', async () => {
    const { code, stderr } = await daemon.k3c(['top', 'over']);
    assert.equal(code, 1);
    assert.match(stderr, /^Error response from daemon: container [0-9a-f]{64} is not running\n$/);
  });
});

describe('stats', () => {
  const one = async (name: string) =>
    JSON.parse(await daemon.ok(['stats', '--no-stream', '--format', 'json', name])) as Record<string, string>;

  test('memory against its limit, traffic, processes; nothing of one that is over', async () => {
    await daemon.ok(['exec', 'web', 'sh', '-c', 'sleep 1000 >/dev/null 2>&1 & exit 0']);
    const web = await one('web');
    assert.match(web['MemUsage'] ?? '', /^[\d.]+[KM]iB \/ 64MiB$/);
    assert.match(web['MemPerc'] ?? '', /^\d+\.\d\d%$/);
    assert.match(web['NetIO'] ?? '', /^[1-9][\d.]*k?B \/ [\d.]+k?B$/);
    assert.deepEqual([web['Name'], web['Container'], web['PIDs']], ['web', 'web', '2']);
    const over = await one('over');
    assert.deepEqual([over['CPUPerc'], over['MemUsage'], over['PIDs']], ['0.00%', '0B / 0B', '0']);
  });

  test('a busy container shows the time it gets, one on no network no traffic', async () => {
    const pid = await daemon.ok(['inspect', '-f', '{{.State.Pid}}', 'busy']);
    const ticks = async () => {
      const { stdout } = await run('cat', [`/proc/${pid}/stat`]);
      const fields = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ');
      return Number(fields[11]) + Number(fields[12]);
    };
    const [before, since] = [await ticks(), performance.now()];
    const busy = await one('busy');
    const truth = ((await ticks()) - before) / ((performance.now() - since) / 1000);
    const shown = Number.parseFloat(busy['CPUPerc'] ?? '');
    assert.ok(shown > truth / 2 && shown < truth * 2, `${shown}% shown, ${truth}% by the kernel's count`);
    assert.equal(busy['NetIO'], '0B / 0B');
  });

  test('all that run, and with -a the others', async () => {
    const names = (...flags: string[]) => daemon.ok(['stats', '--no-stream', '--format', '{{.Name}}', ...flags]);
    assert.equal(await names(), 'busy\nweb');
    assert.equal(await names('-a'), 'over\nbusy\nweb');
    const { code, stderr } = await daemon.k3c(['stats', 'nope']);
    assert.deepEqual([code, stderr], [1, 'Error response from daemon: No such container: nope\n']);
  });

  test('the view follows containers that come and go, and the size of its terminal', async (t) => {
    if (!(await hasTmux())) return t.skip('tmux is not installed');
    const window = await openWindow({ K3C_ADDRESS: daemon.address, PATH: process.env['PATH'] ?? '' });
    try {
      await window.resize(120, 20);
      await window.type(`clear; ${binary} stats`);
      await window.press('Enter');
      await window.shows(/^CONTAINER ID {3}NAME .*PIDS\n\w{12} +busy .*\n\w{12} +web [^\n]*$/);
      await daemon.ok(['run', '-d', '--name', 'guest', 'busybox', 'sleep', '1000']);
      await window.shows(
        /^CONTAINER ID {3}NAME .*\n\w{12} +guest +\d+\.\d\d% .*\n\w{12} +busy .*\n\w{12} +web [^\n]*$/,
      );
      await window.resize(100, 4);
      await window.shows(/^CONTAINER ID .*\n\w{12} +guest .*\n\w{12} +busy [^\n]*$/);
      await window.resize(120, 20);
      await daemon.ok(['rm', '-f', 'guest']);
      await window.shows(/^CONTAINER ID {3}NAME .*PIDS\n\w{12} +busy .*\n\w{12} +web [^\n]*$/);
      await window.press('C-c');
      await window.shows(/\$$/);
    } finally {
      await window.close();
    }
  });

  test('a view of named containers ends with the last of them', async () => {
    await daemon.ok(['run', '-d', '--name', 'brief', 'busybox', 'sleep', '1000']);
    const viewing = daemon.k3c(['stats', 'brief']);
    await sleep(1000);
    await daemon.ok(['rm', '-f', 'brief']);
    const { code, stdout } = await viewing;
    assert.equal(code, 0);
    assert.ok(stdout.startsWith('\u001b[H') && stdout.endsWith('\u001b[H\u001b[J'), JSON.stringify(stdout));
  });
});
