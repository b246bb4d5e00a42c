/** Pods of several containers, with real traffic: what they share, what ends with them, and what a killed daemon finds again. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { until } from '../support/counting.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { tarOf } from '../support/layers.ts';
import { heldForNoContainer } from '../support/leftovers.ts';

/** Networks are the machine's: another run of this file beside this one has others. */
const NET = `10.${128 + (process.pid % 120)}`;
const NET6 = `fd61:${(process.pid % 65536).toString(16)}`;

let daemon: Daemon;
let containerd: ReturnType<typeof connectContainerd>;
before(async () => {
  daemon = await startDaemon();
  containerd = connectContainerd(join(daemon.state, 'containerd.sock'));
});
after(async () => {
  containerd?.close();
  const ids = (await daemon.ok(['pod', 'ls', '-q'])).split('\n').filter((id) => id !== '');
  if (ids.length > 0) await daemon.ok(['pod', 'rm', '-f', ...ids]);
  await daemon.stop();
});

/** Starts a web server in a pod that answers with its own name. */
async function serve(pod: string, name: string, port: number, ...flags: readonly string[]): Promise<void> {
  const script = `echo ${name} > /tmp/index.html; exec httpd -f -h /tmp -p ${port}`;
  await daemon.ok(['run', '-d', '--pod', pod, '--name', name, ...flags, 'busybox', 'sh', '-c', script]);
}

/** Debian's static busybox crashes in wget. */
const get = (host: string, port: number) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${host} ${port} | tail -1`;

/** What a command in a running container prints; undefined: nothing, or it failed or took longer than two seconds. */
async function within(name: string, script: string): Promise<string | undefined> {
  const { code, stdout } = await daemon.k3c(['exec', name, 'timeout', '2', 'sh', '-c', script]);
  return code === 0 && stdout !== '' ? stdout.trim() : undefined;
}

async function curl(port: string): Promise<string> {
  return (await promisify(execFile)('curl', ['-s', '-m', '3', `http://127.0.0.1:${port}/`])).stdout.trim();
}

const podField = async (pod: string, format: string) =>
  daemon.ok(['pod', 'ls', '-f', `name=${pod}`, '--format', format]);
const inspect = (name: string, format: string) => daemon.ok(['inspect', '-f', format, name]);
/** The host port of a container's port. */
const published = async (pod: string, port: number) =>
  new RegExp(`:(\\d+)->${port}/tcp`).exec(await podField(pod, '{{.Ports}}'))?.[1] ?? assert.fail('not published');
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

/** CRI's story of a pod, as crictl would list it. */
async function cri(pod: string) {
  const id = await daemon.ok(['pod', 'ls', '-q', '--no-trunc', '-f', `name=${pod}`]);
  const sandboxes = (await containerd.cri.listPodSandbox({})).items.filter(({ metadata }) => metadata?.uid === id);
  const containers = (await containerd.cri.listContainers({})).containers.filter(({ podSandboxId }) =>
    sandboxes.some((sandbox) => sandbox.id === podSandboxId),
  );
  return { sandboxes, containers };
}

describe('a pod of two', () => {
  before(async () => {
    await daemon.ok(['pod', 'create', '-p', '80', '-p', '81', '-l', 'tier=web', 'duo']);
    assert.equal(await podField('duo', '{{.Status}} {{.NumberOfContainers}}'), 'Created 0');
    assert.equal((await cri('duo')).sandboxes.length, 0);
    await serve('duo', 'app', 80);
    await serve('duo', 'side', 81);
    await daemon.ok(['run', '-d', '--name', 'stranger', 'busybox', 'sleep', '600']);
  });
  after(async () => {
    await daemon.ok(['pod', 'rm', '-f', 'duo']);
    await daemon.ok(['rm', '-f', 'stranger']);
  });

  test('is one sandbox with two containers in CRI', async () => {
    const { sandboxes, containers } = await cri('duo');
    assert.equal(sandboxes.length, 1);
    assert.equal(sandboxes[0]?.metadata?.name, 'duo');
    assert.deepEqual(containers.map(({ metadata }) => metadata?.name).toSorted(), ['app', 'side']);
    assert.equal(await podField('duo', '{{.SandboxID}}'), sandboxes[0]?.id.slice(0, 12));
  });

  test('a kubelet sees none of it', async () => {
    const kubelet = connectContainerd(join(daemon.state, 'kubelet.sock'));
    try {
      assert.deepEqual((await kubelet.cri.listPodSandbox({})).items, []);
      assert.deepEqual((await kubelet.cri.listContainers({})).containers, []);
    } finally {
      kubelet.close();
    }
  });

  test('pod ls, ps and inspect tell the same', async () => {
    assert.equal(await podField('duo', '{{.Status}} {{.Containers}} {{.Label "tier"}}'), 'Running app,side web');
    const listed = await daemon.ok(['ps', '-f', 'pod=duo', '--format', '{{.Names}} {{.PodName}} {{.Pod}}']);
    const id = await podField('duo', '{{.ID}}');
    assert.deepEqual(lines(listed).toSorted(), [`app duo ${id}`, `side duo ${id}`]);
    assert.equal(await daemon.ok(['ps', '-f', 'name=stranger', '--format', '{{.PodName}}']), '');
    const ip = await podField('duo', '{{.IP}}');
    assert.match(ip, /^\d+\.\d+\.\d+\.\d+$/);
    for (const name of ['app', 'side']) assert.equal(await inspect(name, '{{.NetworkSettings.IPAddress}}'), ip);
    assert.equal(await inspect('duo', '{{.Name}} {{len .Containers}}'), 'duo 2');
    assert.equal(await daemon.ok(['pod', 'inspect', '-f', '{{.Name}}', id]), 'duo');
    assert.match(await daemon.ok(['ps', '-f', 'name=^app$', '--format', '{{.Ports}}']), /->80\/tcp/);
  });

  test('each reaches the other on the loopback', async () => {
    assert.equal(await within('app', get('127.0.0.1', 81)), 'side');
    assert.equal(await within('side', get('127.0.0.1', 80)), 'app');
  });

  test('its published ports reach either', async () => {
    assert.equal(await curl(await published('duo', 80)), 'app');
    assert.equal(await curl(await published('duo', 81)), 'side');
  });

  test('/dev/shm, hostname and the network’s files are shared, processes and roots are not', async () => {
    await within('app', 'echo shared > /dev/shm/note; echo own > /note');
    assert.equal(await within('side', 'cat /dev/shm/note'), 'shared');
    assert.equal(await within('side', 'cat /note'), undefined);
    for (const name of ['app', 'side']) assert.equal(await within(name, 'hostname'), 'duo');
    assert.equal(await within('app', 'cat /etc/hosts'), await within('side', 'cat /etc/hosts'));
    assert.match((await within('side', 'tr "\\0" " " < /proc/1/cmdline')) ?? '', /^httpd/);
    assert.doesNotMatch((await within('side', 'ps')) ?? '', /-p 80$/m);
    for (const namespace of ['net', 'ipc', 'uts'])
      assert.equal(
        await within('app', `readlink /proc/self/ns/${namespace}`),
        await within('side', `readlink /proc/self/ns/${namespace}`),
        namespace,
      );
  });

  test('others find it by its name and by those of its containers', async () => {
    const ip = await podField('duo', '{{.IP}}');
    for (const name of ['duo', 'app', 'side']) {
      const answer = (await within('stranger', `nslookup -type=a ${name}`)) ?? '';
      assert.ok(answer.includes(`Address: ${ip}\n`) || answer.endsWith(`Address: ${ip}`), `${name}: ${answer}`);
    }
    assert.equal(await within('stranger', get('duo', 81)), 'side');
    assert.equal(await within('side', get('app', 80)), 'app');
  });

  test('a container that comes and goes leaves the pod as it is', async () => {
    const before = await podField('duo', '{{.SandboxID}} {{.IP}} {{.Containers}}');
    const out = await daemon.ok([
      'run',
      '--rm',
      '--pod',
      'duo',
      'busybox',
      'sh',
      '-c',
      `hostname; ${get('127.0.0.1', 80)}`,
    ]);
    assert.equal(out, 'duo\napp');
    assert.equal((await daemon.k3c(['run', '--rm', '--pod', 'duo', 'busybox', 'sh', '-c', 'exit 7'])).code, 7);
    await until('only two are left', async () => (await podField('duo', '{{.Containers}}')) === 'app,side');
    assert.equal(await podField('duo', '{{.SandboxID}} {{.IP}} {{.Containers}}'), before);
    await until('CRI has two left', async () => (await cri('duo')).containers.length === 2);
  });

  test('one of two that ends makes it degraded; a start is a fresh container in the same sandbox', async () => {
    const sandbox = await podField('duo', '{{.SandboxID}}');
    await within('side', 'touch /mark');
    await daemon.ok(['stop', '-t', '0', 'side']);
    assert.equal(await podField('duo', '{{.Status}}'), 'Degraded');
    assert.equal(await curl(await published('duo', 80)), 'app');
    await daemon.ok(['start', 'side']);
    assert.equal(await podField('duo', '{{.Status}} {{.SandboxID}}'), `Running ${sandbox}`);
    assert.equal(await within('side', 'test -e /mark || echo fresh'), 'fresh');
    assert.equal(await within('app', get('127.0.0.1', 81)), 'side');
  });

  test('exec, logs, top, stats and port of one that is in it', async () => {
    assert.equal(await daemon.ok(['run', '--pod', 'duo', '--name', 'job', 'busybox', 'echo', 'said']), 'said');
    assert.equal(await daemon.ok(['logs', 'job']), 'said');
    assert.equal(await podField('duo', '{{.Status}}'), 'Degraded');
    await daemon.ok(['rm', 'job']);
    assert.match(await daemon.ok(['top', 'app']), /httpd/);
    assert.match(await daemon.ok(['stats', '--no-stream', '--format', '{{.Name}}', 'app']), /^app$/);
    assert.match(await daemon.ok(['port', 'app', '80']), new RegExp(`:${await published('duo', 80)}$`, 'm'));
    assert.equal(await within('stranger', 'hostname'), (await inspect('stranger', '{{.Id}}')).slice(0, 12));
  });

  test('cp, commit and diff of one that is in it', async () => {
    await within('app', 'echo changed > /changed');
    assert.match(await daemon.ok(['diff', 'app']), /^A \/changed$/m);
    await daemon.ok(['commit', 'app', 'committed']);
    assert.equal(await daemon.ok(['run', '--rm', 'committed', 'cat', '/changed']), 'changed');
    await daemon.ok(['create', '--pod', 'duo', '--name', 'later', 'busybox', 'cat', '/from', '/etc/hostname']);
    await daemon.ok(['cp', '-', 'later:/'], { stdin: tarOf('from', Buffer.from('copied\n')) });
    assert.equal(await daemon.ok(['start', '-a', 'later']), 'copied\nduo');
    const hosts = await daemon.ok(['exec', 'app', 'cat', '/etc/hosts']);
    await daemon.ok(['cp', 'later:/etc/hosts', daemon.directory]);
    assert.equal((await readFile(join(daemon.directory, 'hosts'), 'utf8')).trimEnd(), hosts);
    await daemon.ok(['rm', 'later']);
    await daemon.ok(['rmi', 'committed']);
  });

  test('a daemon that is killed takes it up again', async () => {
    const format = '{{.Status}} {{.SandboxID}} {{.IP}} {{.Ports}} {{.Containers}}';
    const before = await podField('duo', format);
    await daemon.ok(['run', '-d', '--pod', 'duo', '--name', 'brief', 'busybox', 'sh', '-c', 'sleep 1.5; exit 9']);
    await daemon.end('SIGKILL');
    await daemon.start();
    assert.equal(await daemon.ok(['wait', 'brief']), '9');
    await daemon.ok(['rm', 'brief']);
    assert.equal(await podField('duo', format), before);
    assert.equal(await curl(await published('duo', 81)), 'side');
    assert.equal(await within('stranger', get('duo', 80)), 'app');
    await daemon.ok(['run', '--rm', '--pod', 'duo', 'busybox', 'true']);
  });

  test('stop gives its address and ports back, start makes all afresh', async () => {
    const [port, sandbox, id] = [
      await published('duo', 80),
      await podField('duo', '{{.SandboxID}}'),
      await inspect('app', '{{.Id}}'),
    ];
    await within('app', 'touch /mark');
    assert.equal(await daemon.ok(['pod', 'stop', '-t', '0', 'duo']), 'duo');
    assert.equal(await podField('duo', '{{.Status}} {{.Ports}} {{.IP}}'), 'Stopped  ');
    assert.equal(await daemon.ok(['ps', '-q', '-f', 'pod=duo']), '');
    assert.equal(
      await daemon.ok(['ps', '-aq', '-f', 'pod=duo', '-f', 'status=exited']).then((ids) => lines(ids).length),
      2,
    );
    await assert.rejects(curl(port));
    assert.equal(await daemon.ok(['pod', 'stop', 'duo']), 'duo');
    const taken = ['run', '--rm', '-p', `${port}:80`, 'busybox', 'true'];
    assert.equal((await daemon.k3c(taken)).code, 0);
    assert.equal(await daemon.ok(['pod', 'start', 'duo']), 'duo');
    assert.equal(await podField('duo', '{{.Status}} {{.Containers}}'), 'Running app,side');
    assert.notEqual(await podField('duo', '{{.SandboxID}}'), sandbox);
    assert.equal(await inspect('app', '{{.Id}}'), id);
    assert.equal(await within('app', 'test -e /mark || echo fresh'), 'fresh');
    assert.equal(await within('side', get('127.0.0.1', 80)), 'app');
    assert.equal(await curl(await published('duo', 81)), 'side');
    assert.equal(await daemon.ok(['pod', 'restart', '-t', '0', 'duo']), 'duo');
    assert.equal(await curl(await published('duo', 80)), 'app');
  });

  test('the start of one container starts the pod that it is in', async () => {
    await daemon.ok(['pod', 'stop', '-t', '0', 'duo']);
    await daemon.ok(['start', 'app']);
    assert.equal(await podField('duo', '{{.Status}}'), 'Degraded');
    assert.equal(await curl(await published('duo', 80)), 'app');
    await daemon.ok(['pod', 'start', 'duo']);
    assert.equal(await podField('duo', '{{.Status}}'), 'Running');
  });
});

describe('what is asked of a pod', () => {
  const rigs = ['lan1', 'procs', 'hosted', 'alone', 'tuned', 'again'];
  before(() => daemon.ok(['network', 'create', '--subnet', `${NET}.1.0/24`, 'lan']));
  after(async () => {
    await daemon.ok(['pod', 'rm', '-f', ...rigs]);
    await daemon.ok(['rm', '-f', 'peer']);
    await daemon.ok(['network', 'rm', 'lan']);
  });

  test('processes are shared where it is said so', async () => {
    await daemon.ok(['pod', 'create', '--share', '+pid', 'procs']);
    await daemon.ok(['run', '-d', '--pod', 'procs', '--name', 'p1', 'busybox', 'sleep', '4711']);
    await daemon.ok(['run', '-d', '--pod', 'procs', '--name', 'p2', 'busybox', 'sleep', '4712']);
    const seen = (await within('p1', 'ps')) ?? '';
    assert.match(seen, /sleep 4711/);
    assert.match(seen, /sleep 4712/);
    await within('p1', "kill -9 $(ps | awk '/sleep 471[2]/ {print $1}')");
    assert.equal(await daemon.ok(['wait', 'p2']), '137');
    assert.equal(await inspect('p1', '{{.State.Running}}'), 'true');
    // Not PID 1 of anything: the stop signal ends it at once.
    await daemon.ok(['stop', '-t', '60', 'p1']);
    assert.equal(await inspect('p1', '{{.State.ExitCode}}'), '143');
  });

  test('a network of users: address, aliases, and again after a stop', async () => {
    await daemon.ok([
      'pod',
      'create',
      '--network',
      'lan',
      '--ip',
      `${NET}.1.40`,
      '--network-alias',
      'front',
      '-p',
      '80',
      'lan1',
    ]);
    await serve('lan1', 'l1', 80);
    await daemon.ok(['run', '-d', '--name', 'peer', '--network', 'lan', 'busybox', 'sleep', '600']);
    for (let i = 0; i < 2; i++) {
      assert.equal(await podField('lan1', '{{.Networks}} {{.IP}}'), `lan ${NET}.1.40`);
      for (const name of ['lan1', 'l1', 'front', `${NET}.1.40`])
        assert.equal(await within('peer', get(name, 80)), 'l1', name);
      assert.equal(await curl(await published('lan1', 80)), 'l1');
      const members = await daemon.ok(['network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'lan']);
      assert.match(members, /\bl1\b/);
      assert.match((await daemon.k3c(['network', 'rm', 'lan'])).stderr, /has active endpoints/);
      await daemon.ok(['pod', 'restart', '-t', '0', 'lan1']);
    }
  });

  test('several networks', async () => {
    await daemon.ok(['network', 'create', '--subnet', `${NET}.3.0/24`, 'far']);
    const far = `name=far,ip=${NET}.3.9,alias=remote`;
    await daemon.ok(['pod', 'create', '--network', 'lan', '--network', far, '-p', '80', 'wide']);
    await serve('wide', 'w1', 80);
    await daemon.ok(['run', '-d', '--name', 'near', '--network', 'lan', 'busybox', 'sleep', '600']);
    await daemon.ok(['run', '-d', '--name', 'away', '--network', 'far', 'busybox', 'sleep', '600']);
    const isReached = async () => {
      assert.equal(await podField('wide', '{{.Networks}}'), 'lan,far');
      for (const [from, host] of [
        ['near', 'wide'],
        ['near', 'w1'],
        ['away', 'remote'],
        ['away', `${NET}.3.9`],
      ] as const)
        assert.equal(await within(from, get(host, 80)), 'w1', `${from} ${host}`);
      assert.equal(await within('near', get(`${NET}.3.9`, 80)), undefined);
      assert.equal(await curl(await published('wide', 80)), 'w1');
    };
    await isReached();
    await daemon.end('SIGKILL');
    await daemon.start();
    await isReached();
    await daemon.ok(['pod', 'restart', '-t', '0', 'wide']);
    await isReached();
    await daemon.ok(['pod', 'rm', '-f', 'wide']);
    await daemon.ok(['rm', '-f', 'near', 'away']);
    await daemon.ok(['network', 'rm', 'far']);
  });

  test('the default network and another', async () => {
    await daemon.ok(['pod', 'create', '--network', 'bridge', '--network', 'lan', '-p', '80', 'both']);
    await serve('both', 'b1', 80);
    await daemon.ok(['run', '-d', '--name', 'near', '--network', 'lan', 'busybox', 'sleep', '600']);
    const isReached = async () => {
      assert.equal(await podField('both', '{{.Networks}}'), 'bridge,lan');
      assert.equal(await within('near', get('both', 80)), 'b1');
      assert.equal(await curl(await published('both', 80)), 'b1');
    };
    await isReached();
    await daemon.end('SIGKILL');
    await daemon.start();
    await isReached();
    await daemon.ok(['pod', 'restart', '-t', '0', 'both']);
    await isReached();
    await daemon.ok(['pod', 'rm', '-f', 'both']);
    await daemon.ok(['rm', '-f', 'near']);
  });

  test('both families, and an address of the link layer', async () => {
    await daemon.ok(['network', 'create', '--ipv6', '--subnet', `${NET}.2.0/24`, '--subnet', `${NET6}::/64`, 'six']);
    const asked = ['--ip', `${NET}.2.9`, '--ip6', `${NET6}::9`, '--mac-address', '02:00:00:00:00:09'];
    await daemon.ok(['pod', 'create', '--network', 'six', ...asked, 'both']);
    await serve('both', 'b1', 80);
    const seen = (await within('b1', 'ip address show eth0')) ?? '';
    for (const address of [`inet ${NET}.2.9/24`, `inet6 ${NET6}::9/64`, 'link/ether 02:00:00:00:00:09'])
      assert.ok(seen.includes(address), address);
    const asks = ['run', '--rm', '--network', 'six', 'busybox', 'sh', '-c'];
    for (const host of [`${NET6}::9`, `${NET}.2.9`, 'b1'])
      assert.equal(await daemon.ok([...asks, get(host, 80)]), 'b1', host);
    await daemon.ok(['pod', 'rm', '-f', 'both']);
    await daemon.ok(['network', 'rm', 'six']);
  });

  test('the host’s network, and none', async () => {
    await daemon.ok(['pod', 'create', '--network', 'host', 'hosted']);
    const host = await daemon.ok(['run', '--rm', '--network', 'host', 'busybox', 'readlink', '/proc/self/ns/net']);
    assert.equal(await daemon.ok(['run', '--rm', '--pod', 'hosted', 'busybox', 'readlink', '/proc/self/ns/net']), host);
    await daemon.ok(['pod', 'create', '--network', 'none', 'alone']);
    await serve('alone', 'a1', 80);
    await serve('alone', 'a2', 81);
    assert.equal(await within('a1', 'ls /sys/class/net'), 'lo');
    assert.equal(await within('a1', get('127.0.0.1', 81)), 'a2');
  });

  test('hostname, hosts, resolvers, sysctls and the size of /dev/shm', async () => {
    const flags = ['-h', 'tuned-host', '--add-host', 'far:192.0.2.7', '--dns-search', 'example.test'];
    const sizes = ['--shm-size', '3m', '--sysctl', 'net.ipv4.ip_unprivileged_port_start=7'];
    await daemon.ok(['pod', 'create', ...flags, ...sizes, 'tuned']);
    const script =
      'hostname; df -k /dev/shm; cat /etc/hosts /etc/resolv.conf /proc/sys/net/ipv4/ip_unprivileged_port_start';
    const text = await daemon.ok(['run', '--rm', '--pod', 'tuned', 'busybox', 'sh', '-c', script]);
    assert.match(text, /^tuned-host\n/);
    assert.match(text, /^shm +3072 /m);
    assert.match(text, /^192\.0\.2\.7\s+far$/m);
    assert.match(text, /^search example\.test$/m);
    assert.match(text, /\n7$/);
  });

  test('a restart policy starts a container again in the same sandbox, and not after a stop', async () => {
    await daemon.ok(['pod', 'create', 'again']);
    await daemon.ok([
      'run',
      '-d',
      '--pod',
      'again',
      '--restart',
      'always',
      '--name',
      'tick',
      'busybox',
      'sleep',
      '600',
    ]);
    const sandbox = await podField('again', '{{.SandboxID}}');
    process.kill(Number(await inspect('tick', '{{.State.Pid}}')), 'SIGKILL');
    await until(
      'it is started again',
      async () => (await inspect('tick', '{{.RestartCount}} {{.State.Running}}')) === '1 true',
    );
    assert.equal(await podField('again', '{{.SandboxID}}'), sandbox);
    await daemon.ok(['pod', 'stop', '-t', '0', 'again']);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(await inspect('tick', '{{.State.Running}}'), 'false');
  });
});

describe('words', () => {
  before(async () => {
    await daemon.ok(['pod', 'create', 'known']);
    await daemon.ok(['create', '--name', 'single', 'busybox', 'true']);
  });
  after(async () => {
    await daemon.ok(['pod', 'rm', '-f', 'known']);
    await daemon.ok(['rm', '-f', 'single']);
  });

  const refused: [args: string[], message: RegExp, code?: number][] = [
    [['run', '--rm', '--pod', 'nowhere', 'busybox', 'true'], /no such pod: nowhere/i, 125],
    [['create', '--pod', 'known', '-p', '80', 'busybox'], /conflicting options: --publish and --pod known/, 125],
    [['pod', 'create', 'known'], /name.*known.*already in use/i],
    [['pod', 'create', 'single'], /name.*single.*already in use/i],
    [['create', '--name', 'known', 'busybox'], /name.*known.*already in use/i, 125],
    [['pod', 'create', 'b@d'], /Invalid .*name/i],
    [['pod', 'create', '--network', 'nowhere', 'x1'], /network nowhere not found/],
    [['pod', 'create', '--network', 'container:single', 'x1'], /a pod cannot use the network of container:single/],
    [['pod', 'create', '--share', 'net', 'x1'], /always shares ipc, net and uts/, 125],
    [['pod', 'start', 'nowhere'], /no such pod: nowhere/i],
    [['pod', 'inspect', 'nowhere'], /no such pod: nowhere/i],
    [['pod', 'ls', '-f', 'nope=1'], /invalid filter 'nope'/],
  ];
  for (const [args, message, expected = 1] of refused)
    test(`refuses ${args.join(' ')}`, async () => {
      const { code, stderr } = await daemon.k3c(args);
      assert.match(stderr, message);
      assert.equal(code, expected);
    });

  test('a pod of one is shown when it is asked for', async () => {
    await daemon.ok(['run', '-d', '--name', 'lone', 'busybox', 'sleep', '600']);
    const names = (...flags: string[]) =>
      daemon.ok(['pod', 'ls', ...flags, '--format', '{{.Name}} {{.Status}} {{.Containers}}']);
    assert.doesNotMatch(await names(), /lone/);
    assert.match(await names('-a'), /^lone Running lone$/m);
    assert.equal(await daemon.ok(['pod', 'inspect', '-f', '{{.Name}} {{len .Containers}}', 'lone']), 'lone 1');
    await daemon.ok(['rm', '-f', 'lone']);
  });

  test('run --pod new:NAME makes it', async () => {
    await daemon.ok(['run', '-d', '--pod', 'new:fresh', '--name', 'f1', '-p', '80', 'busybox', 'sleep', '600']);
    assert.equal(await podField('fresh', '{{.Status}} {{.Containers}}'), 'Running f1');
    await published('fresh', 80);
    await daemon.ok(['pod', 'rm', '-f', 'fresh']);
  });

  test('events of a life', async () => {
    const since = (Date.now() / 1000).toFixed(3);
    await daemon.ok(['pod', 'create', 'told']);
    await daemon.ok(['run', '-d', '--pod', 'told', '--name', 't1', 'busybox', 'sleep', '600']);
    await daemon.ok(['pod', 'stop', '-t', '0', 'told']);
    await daemon.ok(['pod', 'rm', 'told']);
    const until = ((Date.now() + 1) / 1000).toFixed(3);
    const seen = await daemon.ok([
      ...['events', '--since', since, '--until', until, '-f', 'type=pod'],
      ...['--format', '{{.Action}} {{.Actor.Attributes.name}}'],
    ]);
    assert.deepEqual(lines(seen), ['create told', 'start told', 'stop told', 'remove told']);
    const all = await daemon.ok(['events', '--since', since, '--until', until, '--format', '{{.Type}} {{.Action}}']);
    for (const line of ['container create', 'container start', 'container die', 'container destroy'])
      assert.ok(lines(all).includes(line), line);
  });
});

describe('the end', () => {
  test('rm is refused while a container runs; by force nothing is left', async () => {
    for (const id of lines(await daemon.ok(['ps', '-aq']))) await daemon.k3c(['rm', '-f', id]);
    await daemon.ok(['pod', 'create', '-p', '80', 'last']);
    await serve('last', 'z1', 80);
    await serve('last', 'z2', 81, '-v', '/data');
    const { code, stdout, stderr } = await daemon.k3c(['pod', 'rm', 'last']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^Error response from daemon: .*\blast\b/);
    assert.equal(await daemon.ok(['pod', 'rm', '-f', 'last']), 'last');
    assert.equal(await daemon.ok(['ps', '-aq']), '');
    assert.deepEqual(await heldForNoContainer(daemon), []);
  });

  test('container prune leaves pods alone, pod prune takes those that do not run', async () => {
    await daemon.ok(['pod', 'create', 'busy']);
    await daemon.ok(['run', '-d', '--pod', 'busy', '--name', 'b1', 'busybox', 'sleep', '600']);
    await daemon.ok(['run', '--pod', 'busy', '--name', 'b2', 'busybox', 'true']);
    await daemon.ok(['pod', 'create', 'idle']);
    await daemon.ok(['run', '--pod', 'idle', '--name', 'i1', 'busybox', 'true']);
    await daemon.ok(['run', '--name', 'loose', 'busybox', 'true']);
    const loose = await inspect('loose', '{{.Id}}');
    assert.match(await daemon.ok(['container', 'prune', '-f']), new RegExp(`^Deleted Containers:\n${loose}\n\nTotal`));
    assert.equal(await daemon.ok(['pod', 'prune', '-f']), 'Deleted Pods:\nidle\n');
    assert.deepEqual(lines(await daemon.ok(['ps', '-a', '--format', '{{.Names}}'])).toSorted(), ['b1', 'b2']);
    await daemon.ok(['pod', 'rm', '-f', 'busy']);
    assert.deepEqual(await heldForNoContainer(daemon), []);
  });
});
