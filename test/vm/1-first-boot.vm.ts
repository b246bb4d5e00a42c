/** k3c as systemd's unit on cgroup v2: limits, AppArmor, names, firewalld, and a daemon that goes and comes. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeBusyboxImage } from '../support/image.ts';
import { cgroupFile, cgroupOf, eventually, install, ok, shell, startNameServer } from './machine.ts';

const MB = 1 << 20;
let names: { close(): void };

before(async () => {
  names = await startNameServer({ 'up.example': '198.51.100.7', 'host.corp.test': '198.51.100.8' });
  await install();
  await ok(`k3c load -q -i ${await writeBusyboxImage('/root', 'docker.io/library/busybox:latest')}`);
  writeFileSync(
    '/root/Dockerfile',
    'FROM busybox\nRUN mkdir /www && echo a page >/www/index.html\nCMD ["httpd","-f","-h","/www"]\n',
  );
  await ok('k3c build -q -t web:1 /root');
});
after(() => names.close());

const page = async (from = '') => assert.equal(await ok(`${from} curl -sS -m 5 http://192.0.2.2:8080/`), 'a page');

test('the unit is active, its daemon uses systemd and cgroup v2', async () => {
  assert.equal(await ok('systemctl is-active k3c; systemctl is-enabled k3c'), 'active\nenabled');
  assert.match(await ok('k3c info'), /Cgroup Driver: systemd\n Cgroup Version: 2\n/);
});

test('a web server on a published port', async () => {
  await ok('k3c network create n1');
  await ok('k3c run -d --name web --restart always --network n1 -v data:/data -p 8080:80 web:1');
  await page();
  await ok('k3c exec web sh -c "echo kept >/data/file"');
  assert.match(await ok('k3c top web'), /httpd -f/);
});

describe('limits', () => {
  before(() =>
    ok(
      'k3c run -d --name all -m 64m --memory-swap 96m --memory-reservation 32m -c 512 --cpu-period 50000 --cpu-quota 20000 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 50 --blkio-weight 300 busybox sleep 1000',
    ),
  );
  after(() => ok('k3c rm -f all'));
  const limits: [flag: string, file: string, value: string][] = [
    ['-m', 'memory.max', String(64 * MB)],
    ['--memory-swap', 'memory.swap.max', String(32 * MB)],
    ['--memory-reservation', 'memory.low', String(32 * MB)],
    ['-c', 'cpu.weight', '59'],
    ['--cpu-quota and --cpu-period', 'cpu.max', '20000 50000'],
    ['--cpuset-cpus', 'cpuset.cpus', '0'],
    ['--cpuset-mems', 'cpuset.mems', '0'],
    ['--pids-limit', 'pids.max', '50'],
    ['--blkio-weight', 'io.weight', 'default 2930'],
  ];
  for (const [flag, file, value] of limits)
    test(flag, async () => {
      assert.equal(await cgroupFile('all', file), value);
      assert.equal(await ok(`k3c exec all cat /sys/fs/cgroup/${file}`), value);
    });

  test('systemd knows them, and keeps them when it reads its units again', async () => {
    await ok('systemctl daemon-reload');
    for (const [, file, value] of limits.filter(([flag]) => flag !== '--blkio-weight'))
      assert.equal(await cgroupFile('all', file), value, file);
  });

  test('update, and a new attempt has what was changed', async () => {
    await ok('k3c update -m 80m --memory-swap 100m --pids-limit 60 -c 2000 all');
    const seen = () =>
      Promise.all(['memory.max', 'memory.swap.max', 'pids.max', 'cpu.weight'].map((file) => cgroupFile('all', file)));
    const changed = [String(80 * MB), String(20 * MB), '60', '170'];
    assert.deepEqual(await seen(), changed);
    await ok('k3c restart -t 0 all');
    assert.deepEqual(await seen(), changed);
  });

  test('pause', async () => {
    await ok('k3c pause all');
    assert.equal(await cgroupFile('all', 'cgroup.freeze'), '1');
    await ok('k3c unpause all');
    assert.equal(await cgroupFile('all', 'cgroup.freeze'), '0');
  });

  test('out of memory: 137, and inspect says so', async () => {
    const { code } = await shell('k3c run --name eats -m 32m --memory-swap 32m busybox tail /dev/zero');
    assert.equal(code, 137);
    assert.equal(await ok("k3c inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' eats"), 'true 137');
  });

  test('too many processes are refused', async () => {
    const { stderr } = await shell(
      "k3c run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1 & done; wait'",
    );
    assert.match(stderr, /can't fork: Resource temporarily unavailable/);
  });

  test('--cpus holds, and stats tells it', async () => {
    await ok("k3c run -d --name spins --cpus 0.5 busybox sh -c 'while :; do :; done'");
    await ok(
      "k3c run -d --name holds -m 200m busybox sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=50; sleep 1000'",
    );
    await sleep(6000);
    const [cpu = '', memory = ''] = (
      await ok("k3c stats --no-stream --format '{{.CPUPerc}} {{.MemUsage}}' spins holds")
    ).split('\n');
    const percent = Number.parseFloat(cpu);
    assert.ok(percent > 40 && percent < 60, cpu);
    assert.match(memory, / 50\.\d+MiB \/ 200MiB$/);
    await ok('k3c rm -f spins holds');
  });
});

describe('groups', () => {
  test('a container is a scope in the slice of k3c, or in the one that is asked for', async () => {
    assert.match(await cgroupOf('web'), /^\/k3c\.slice\/cri-containerd-[0-9a-f]{64}\.scope$/);
    await ok(
      'k3c run -d --name child --cgroup-parent my-part.slice --stop-timeout 4 --stop-signal INT busybox sleep 1000',
    );
    const group = await cgroupOf('child');
    assert.match(group, /^\/my\.slice\/my-part\.slice\/cri-containerd-[0-9a-f]{64}\.scope$/);
    const unit = group.replace(/.*\//, '');
    assert.equal(await ok(`systemctl show -P TimeoutStopUSec ${unit}; systemctl show -P KillSignal ${unit}`), '4s\n2');
    await ok('k3c rm -f child');
    assert.match((await shell('k3c run --rm --cgroup-parent /x busybox true')).stderr, /should be a valid slice/);
  });

  test('--cgroupns', async () => {
    assert.equal(await ok('k3c run --rm busybox cat /proc/self/cgroup'), '0::/');
    assert.match(
      await ok('k3c run --rm --cgroupns host busybox cat /proc/self/cgroup'),
      /^0::\/k3c\.slice\/.*\.scope$/,
    );
  });

  test('a build step is a scope, too', async () => {
    writeFileSync('/root/slow', 'FROM busybox\nRUN sleep 77\n');
    const build = shell('k3c build -q -f /root/slow /root');
    await eventually(async () => {
      const pid = await ok('pgrep -fx "sleep 77"');
      assert.match(
        readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
        /^0::\/k3c\.slice\/k3c-build\.slice\/buildkit-\w+\.scope$/m,
      );
      await ok(`kill -9 ${pid}`);
    });
    assert.notEqual((await build).code, 0);
    assert.ok(!existsSync('/sys/fs/cgroup/k3c-build.slice'));
  });
});

describe('AppArmor', () => {
  const confinement = 'cat /proc/self/attr/current';
  test('the profile of containerd, but for who is privileged', async () => {
    assert.equal(await ok(`k3c run --rm busybox ${confinement}`), 'cri-containerd.apparmor.d (enforce)');
    assert.equal(await ok(`k3c exec web ${confinement}`), 'cri-containerd.apparmor.d (enforce)');
    assert.equal(await ok(`k3c run --rm --privileged busybox ${confinement}`), 'unconfined');
    assert.equal(await ok(`k3c run --rm --security-opt apparmor=unconfined busybox ${confinement}`), 'unconfined');
    assert.equal(await ok("k3c inspect -f '{{.AppArmorProfile}}' web"), 'docker-default');
    const mount = await shell('k3c run --rm --cap-add SYS_ADMIN busybox mount -t tmpfs none /tmp');
    assert.match(mount.stderr, /Permission denied/);
  });

  test('a profile of one’s own, and one that is not there', async () => {
    writeFileSync(
      '/root/profile',
      'profile k3c-mine flags=(attach_disconnected) {\n  file,\n  network,\n  capability,\n  deny /tmp/secret w,\n}\n',
    );
    await ok('apparmor_parser -r /root/profile');
    const { stdout, stderr } = await shell(
      `k3c run --rm --security-opt apparmor=k3c-mine busybox sh -c '${confinement}; echo x >/tmp/secret'`,
    );
    assert.equal(stdout, 'k3c-mine (enforce)\n');
    assert.match(stderr, /can't create \/tmp\/secret: Permission denied/);
    const missing = await shell('k3c run --rm --security-opt apparmor=nope busybox true');
    assert.equal(missing.code, 125);
    assert.match(missing.stderr, /apparmor profile not found nope/);
  });
});

test('names are asked of systemd-resolved, its search list included', async () => {
  assert.match(await ok('cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.53$/m);
  const address = (name: string) => `ping -c 1 -W 1 ${name} | head -n 1`;
  for (const flags of ['', '--network n1', '--network host'])
    for (const [name, expected] of [
      ['up.example', '198.51.100.7'],
      ['host', '198.51.100.8'],
    ])
      assert.match(
        await ok(`k3c run --rm ${flags} busybox sh -c '${address(name ?? '')}'`),
        new RegExp(`\\(${expected}\\)`),
        flags,
      );
  assert.match(await ok(`k3c run --rm --network n1 busybox sh -c '${address('web')}'`), /\(172\.18\.0\.\d+\)/);
});

test('firewalld: started, read again, with another zone, and gone', async () => {
  await ok(
    'ip netns add out && ip link add vo type veth peer name vi netns out && ip addr add 203.0.113.1/24 dev vo && ip link set vo up',
  );
  await ok(
    'ip -n out addr add 203.0.113.2/24 dev vi && ip -n out link set vi up && ip -n out route add default via 203.0.113.1',
  );
  const works = () =>
    eventually(async () => {
      await page();
      await page('ip netns exec out');
      assert.match(await ok('k3c exec web ping -c 1 -W 2 up.example | head -n 1'), /198\.51\.100\.7/);
    });
  for (const step of [
    'systemctl start firewalld',
    'firewall-cmd --reload',
    'firewall-cmd --complete-reload',
    'firewall-cmd --set-default-zone=drop',
    'systemctl restart firewalld',
    'systemctl stop firewalld',
  ]) {
    await ok(step);
    await works();
  }
});

test('the daemon goes and comes; containers stay as they are', async () => {
  const pid = await ok("k3c inspect -f '{{.State.Pid}}' web");
  for (const step of [
    'systemctl restart k3c',
    'systemctl stop k3c',
    'systemctl start k3c',
    'systemctl kill -s KILL --kill-who main k3c',
  ]) {
    await ok(step);
    await page();
    if (step.includes('stop')) continue;
    await eventually(async () => assert.equal(await ok("k3c inspect -f '{{.State.Pid}}' web"), pid), 120);
    assert.equal(await ok('k3c exec web cat /data/file'), 'kept');
  }
});

test('before the machine boots anew: who waits for no signal, and who is not to come back', async () => {
  await ok('k3c run -d --name deaf --restart unless-stopped busybox sleep 100000');
  await ok('k3c run -d --name ended busybox sleep 100000');
  await ok('k3c run -d --name stopped --restart unless-stopped busybox sleep 100000 && k3c stop -t 0 stopped');
  writeFileSync('/root/before-reboot', String(Date.now()));
});
