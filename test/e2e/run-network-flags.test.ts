/** The flags of run that say how a container is reached, whom it asks for names, and what is mounted in it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const inside = (flags: readonly string[], script: string): Promise<string> =>
  daemon.ok(['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);

/** Prints the address of the bridge. */
const gateway = 'ip route | sed -n "s/^default via \\([^ ]*\\).*/\\1/p"';

describe('names', () => {
  test('--dns-search and --dns-option make resolv.conf; --dns is where the daemon asks for the container', async () => {
    const flags = ['--dns', '10.1.1.1', '--dns-search', 'x.example', '--dns-option', 'ndots:5'];
    const text = await inside(flags, `grep -E "^(nameserver|search|options)" /etc/resolv.conf | sort; ${gateway}`);
    const [server, options, search, address] = text.split('\n');
    assert.deepEqual([server, options, search], [`nameserver ${address}`, 'options ndots:5', 'search x.example']);
    // A server on the container's own loopback device is one that the daemon cannot ask.
    assert.match(await inside(['--dns', '127.0.0.1'], 'cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.1$/m);
  });

  test('--add-host and host-gateway make hosts', async () => {
    const flags = ['--add-host', 'db:10.2.3.4', '--add-host', 'host.docker.internal:host-gateway'];
    const text = await inside(flags, `tail -2 /etc/hosts; ${gateway}`);
    const [db, host, address = 'none'] = text.split('\n');
    assert.deepEqual([db, host], ['10.2.3.4\tdb', `${address}\thost.docker.internal`]);
  });

  test('--hostname and --domainname', async () => {
    const text = await inside(
      ['--hostname', 'box', '--domainname', 'corp.example'],
      'hostname; cat /proc/sys/kernel/domainname; tail -1 /etc/hosts | cut -f2',
    );
    assert.equal(text, 'box\ncorp.example\nbox.corp.example box');
  });

  const refused: [flags: string[], message: RegExp][] = [
    [['--dns', 'x'], /invalid argument "x" for "--dns" flag: x is not an ip address/],
    [['--dns-search', '1.2'], /invalid argument "1.2" for "--dns-search" flag: 1.2 is not a valid domain/],
    [['--add-host', 'x'], /invalid argument "x" for "--add-host" flag: bad format for add-host: "x"/],
    [['--expose', '1:2'], /invalid argument "1:2" for "--expose" flag: invalid port format for --expose: 1:2/],
    [['--volumes-from', 'nobody'], /No such container: nobody/],
    [['--tmpfs', '/t:foo'], /invalid tmpfs option "foo"/],
  ];
  for (const [flags, message] of refused) {
    test(`refuses ${flags.join(' ')}`, async () => {
      const { code, stderr } = await daemon.k3c(['run', '--rm', ...flags, 'busybox', 'true']);
      assert.match(stderr, message);
      assert.equal(code, 125);
    });
  }
});

describe('ports', () => {
  const published = async (name: string): Promise<Record<string, { HostPort: string }[] | null>> =>
    JSON.parse(await daemon.ok(['inspect', '-f', '{{json .NetworkSettings.Ports}}', name]));

  test('-P publishes what is exposed on ports of the host', async () => {
    await daemon.ok([
      'run',
      '-d',
      '-P',
      '--expose',
      '80',
      '--expose',
      '53/udp',
      '--name',
      'all',
      'busybox',
      'sleep',
      '60',
    ]);
    const ports = await published('all');
    assert.deepEqual(Object.keys(ports).sort(), ['53/udp', '80/tcp']);
    for (const bindings of Object.values(ports)) assert.ok(Number(bindings?.[0]?.HostPort) > 0);
    await daemon.ok(['rm', '-f', 'all']);
  });

  test('--expose alone publishes nothing', async () => {
    await daemon.ok(['run', '-d', '--expose', '80', '--name', 'exposed', 'busybox', 'sleep', '60']);
    assert.deepEqual(await published('exposed'), { '80/tcp': null });
    await daemon.ok(['rm', '-f', 'exposed']);
  });

  test('a range of host ports gives the first free one, and is refused when it is full', async () => {
    const busy = createServer().listen(0, '0.0.0.0');
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    try {
      const range = `${port}-${port + 1}:80`;
      await daemon.ok(['run', '-d', '-p', range, '--name', 'range', 'busybox', 'sleep', '60']);
      assert.equal((await published('range'))['80/tcp']?.[0]?.HostPort, String(port + 1));
      const full = await daemon.k3c(['run', '--rm', '-p', range, 'busybox', 'true']);
      assert.match(full.stderr, new RegExp(`Bind for 0.0.0.0:${port + 1} failed: port is already allocated`));
      assert.equal(full.code, 125);
      await daemon.ok(['rm', '-f', 'range']);
    } finally {
      busy.close();
    }
  });
});

describe('mounts', () => {
  test('--volumes-from shares the volumes of another container; the last one takes an anonymous one along', async () => {
    await daemon.ok(['create', '-v', '/data', '-v', 'named:/named', '--name', 'holder', 'busybox', 'true']);
    await inside(['--volumes-from', 'holder'], 'echo kept > /data/f; echo too > /named/f');
    assert.equal(
      await inside(['--volumes-from', 'holder:ro'], 'cat /data/f /named/f; echo x > /data/g || echo ro'),
      'kept\ntoo\nro',
    );
    await daemon.ok(['create', '--volumes-from', 'holder', '--name', 'second', 'busybox', 'true']);
    await daemon.ok(['rm', '-v', 'holder']);
    assert.equal(await inside(['--volumes-from', 'second'], 'cat /data/f'), 'kept');
    await daemon.ok(['rm', '-v', 'second']);
  });

  test('--tmpfs takes options of mount', async () => {
    const flags = [
      '--tmpfs',
      '/t:size=64k,mode=1770,exec',
      '--mount',
      'type=tmpfs,target=/u,tmpfs-size=1m,tmpfs-mode=700',
    ];
    const text = await inside(flags, 'stat -c %a /t /u; grep -E " /(t|u) " /proc/mounts | cut -d" " -f2,4 | sort');
    const [t, u, ...mounts] = text.split('\n');
    assert.deepEqual([t, u], ['1770', '700']);
    assert.match(mounts[0] ?? '', /^\/t rw,nosuid,nodev,.*size=64k,mode=1770/);
    assert.doesNotMatch(mounts[0] ?? '', /noexec/);
    assert.match(mounts[1] ?? '', /^\/u rw,nosuid,nodev,noexec,.*size=1024k,mode=700/);
  });

  test('a bind takes z, a volume nocopy', async () => {
    const source = join(daemon.directory, 'source');
    await mkdir(source);
    await writeFile(join(source, 'f'), 'here');
    assert.equal(await inside(['-v', `${source}:/s:ro,z`], 'cat /s/f'), 'here');
    assert.notEqual(await inside(['-v', 'filled:/bin2', '-v', 'copied:/etc'], 'ls /etc'), '');
    assert.equal(await inside(['-v', 'bare:/usr:nocopy'], 'ls -A /usr | wc -l'), '0');
  });
});
