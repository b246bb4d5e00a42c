/** What a container may do: docker's defaults, and every flag that changes them, seen from inside. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { FUSE, writeSecurityLab } from '../support/security-lab.ts';

const CRUN = '/usr/bin/crun';

let directory: string;
let daemon: Daemon;
/** The capabilities of the daemon, as /proc/PID/status writes them: the most that it can give. */
let own: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'k3c-sec-'));
  const users = await writeSecurityLab(directory);
  const crun = existsSync(CRUN) ? ['--add-runtime', `crun=${CRUN}`] : [];
  daemon = await startDaemon({
    flags: ['--add-runtime', `second=${directory}/second`, ...crun, '--cdi-spec-dirs', join(directory, 'cdi')],
  });
  await daemon.ok(['load', '-q', '-i', users]);
  own = field(await readFile(`/proc/${daemon.pid}/status`, 'utf8'), 'CapEff');
});
after(async () => {
  await daemon?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** What a script prints in a new container with these flags; what it says on stderr comes along. */
function inside(flags: readonly string[], script: string, image = 'busybox'): Promise<string> {
  return daemon.ok(['run', '--rm', '--network', 'none', ...flags, image, 'sh', '-c', `{ ${script}; } 2>&1`], {
    cwd: directory,
  });
}

const STATUS = 'cat /proc/self/status';

function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(status)?.[1] ?? `no ${name}`;
}

const capabilities = (status: string) =>
  ['CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb'].map((name) => field(status, name).replace(/^0+(?=.)/, ''));

describe('a plain container', () => {
  test("has docker's capabilities, filter, devices and mounts", async () => {
    const script = `${STATUS}; echo DEV $(ls /dev); cat /proc/mounts; unshare -U true || echo no user namespace`;
    const seen = await inside([], script);
    assert.deepEqual(capabilities(seen), ['a80425fb', 'a80425fb', 'a80425fb', '0', '0']);
    assert.deepEqual(
      ['NoNewPrivs', 'Seccomp', 'Groups'].map((name) => field(seen, name)),
      ['0', '2', '0'],
    );
    assert.match(seen, /^DEV fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero$/m);
    assert.match(seen, /^sysfs \/sys sysfs ro,nosuid,nodev,noexec,/m);
    for (const path of ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'])
      if (existsSync(`/proc/${path}`)) assert.match(seen, new RegExp(`^proc /proc/${path} proc ro,`, 'm'));
    for (const path of ['acpi', 'keys', 'timer_list', 'kcore', 'scsi'])
      if (existsSync(`/proc/${path}`)) assert.match(seen, new RegExp(`^tmpfs /proc/${path} tmpfs `, 'm'));
    assert.match(seen, /^tmpfs \/sys\/firmware tmpfs ro,/m);
    assert.doesNotMatch(seen, /^cgroup2? \/sys\/fs\/cgroup\S* cgroup2? rw/m);
    assert.match(seen, /unshare.*Operation not permitted/);
    assert.match(seen, /no user namespace/);
  });

  test('of another user has them in the bounding set alone', async () => {
    const seen = await inside(['-u', 'nobody', '--cap-add', 'NET_ADMIN'], STATUS);
    assert.deepEqual(capabilities(seen), ['0', '0', 'a80435fb', '0', '0']);
  });
});

describe('capabilities', () => {
  const cases: [flags: string[], bounding: string | undefined][] = [
    [['--cap-add', 'net_admin', '--cap-add', 'CAP_SYS_TIME'], 'aa0435fb'],
    [['--cap-drop', 'chown', '--cap-drop', 'CAP_KILL'], 'a80425da'],
    [['--cap-drop', 'all', '--cap-add', 'Chown'], '1'],
    [['--cap-drop', 'ALL'], '0'],
    [['--cap-add', 'ALL'], undefined],
  ];
  for (const [flags, bounding] of cases)
    test(flags.join(' '), async () => {
      const expected = bounding ?? own.replace(/^0+/, '');
      assert.deepEqual(capabilities(await inside(flags, STATUS)), [expected, expected, expected, '0', '0']);
    });

  test('that are added open their system calls', async () => {
    const script = 'mount -t tmpfs x /tmp && unshare -m true && echo done';
    assert.match(await inside([], `${script} || true`), /permission denied/);
    assert.equal(await inside(['--cap-add', 'SYS_ADMIN'], script), 'done');
  });
});

describe('--security-opt', () => {
  test('no-new-privileges, seccomp=unconfined and systempaths=unconfined', async () => {
    const options = ['no-new-privileges', 'seccomp=unconfined', 'systempaths=unconfined'];
    const flags = options.flatMap((option) => ['--security-opt', option]);
    const seen = await inside(flags, `${STATUS}; cat /proc/mounts; unshare -U true && echo namespace`);
    assert.deepEqual([field(seen, 'NoNewPrivs'), field(seen, 'Seccomp')], ['1', '0']);
    assert.match(seen, /^namespace$/m);
    assert.doesNotMatch(seen, / \/proc\/\w| \/sys\/firmware/);
    assert.match(seen, /^sysfs \/sys sysfs ro/m);
  });

  test('the older form, and a cgroup that can be written', async () => {
    const flags = ['--security-opt', 'no-new-privileges:true', '--security-opt', 'writable-cgroups'];
    const seen = await inside(flags, `${STATUS}; grep cgroup /proc/mounts`);
    assert.equal(field(seen, 'NoNewPrivs'), '1');
    assert.match(seen, /^cgroup2? \/sys\/fs\/cgroup\S* cgroup2? rw,/m);
  });

  const script = `${STATUS}; mkdir /x; chmod 700 /tmp && echo changed`;
  test("a seccomp profile in docker's format, from a file beside the user", async () => {
    const seen = await inside(['--security-opt', 'seccomp=profile.json'], `${script} || true`);
    assert.equal(field(seen, 'Seccomp'), '2');
    assert.match(seen, /mkdir: .*Function not implemented/);
    assert.match(seen, /chmod: .*Operation not permitted/);
  });

  test('what a profile says of capabilities goes by those of the container, privileged or not', async () => {
    for (const flags of [['--cap-add', 'SYS_TIME'], ['--privileged']]) {
      const seen = await inside(['--security-opt', 'seccomp:profile.json', ...flags], script);
      assert.equal(field(seen, 'Seccomp'), '2');
      assert.match(seen, /mkdir: .*Function not implemented/);
      assert.match(seen, /^changed$/m);
    }
  });
});

describe('--privileged', () => {
  test('has all capabilities and devices, no filter, and nothing masked or write-protected', async () => {
    const seen = await inside(
      ['--privileged', '--cap-drop', 'ALL'],
      `${STATUS}; echo DEV $(ls /dev); cat /proc/mounts`,
    );
    const all = own.replace(/^0+/, '');
    assert.deepEqual(capabilities(seen), [all, all, all, '0', '0']);
    assert.deepEqual([field(seen, 'Seccomp'), field(seen, 'NoNewPrivs')], ['0', '0']);
    assert.match(seen, /^sysfs \/sys sysfs rw,/m);
    assert.match(seen, /^cgroup2? \/sys\/fs\/cgroup\S* cgroup2? rw,/m);
    assert.doesNotMatch(seen, / \/proc\/\w| \/sys\/firmware/);
    const devices = /^DEV (.*)$/m.exec(seen)?.[1]?.split(' ') ?? [];
    for (const name of execFileSync('find', ['/dev', '-maxdepth', '1', '-type', 'c', '-printf', '%f\n'], {
      encoding: 'utf8',
    })
      .trim()
      .split('\n'))
      if (name !== 'console') assert.ok(devices.includes(name), `${name} of ${devices.join(' ')}`);
  });

  test('an exec has what its container has; --privileged has all capabilities, and the same devices', async (t) => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'plain',
      '--network',
      'none',
      '--cap-drop',
      'CHOWN',
      'busybox',
      'sleep',
      '1000',
    ]);
    t.after(() => daemon.k3c(['rm', '-f', 'plain']));
    const exec = async (...flags: string[]) => daemon.ok(['exec', ...flags, 'plain', 'cat', '/proc/self/status']);
    assert.deepEqual(capabilities(await exec()), ['a80425fa', 'a80425fa', 'a80425fa', '0', '0']);
    assert.deepEqual(capabilities(await exec('-u', 'nobody')), ['0', '0', 'a80425fa', '0', '0']);
    const all = own.replace(/^0+/, '');
    const privileged = await exec('--privileged');
    assert.deepEqual(capabilities(privileged), [all, all, all, '0', '0']);
    // The filter is the container's: docker's exec --privileged keeps it, too.
    assert.equal(field(privileged, 'Seccomp'), '2');
  });
});

describe('devices', () => {
  const open = (path: string) =>
    `(: < ${path}) 2>/dev/null && echo ${path} read; (: > ${path}) 2>/dev/null && echo ${path} written`;

  test('one, a link, a directory, with less than all permissions', async () => {
    const flags = [`${directory}/link:/dev/l:r`, `${directory}/dev:/dev/d:rw`].flatMap((device) => [
      '--device',
      device,
    ]);
    const seen = await inside(flags, `ls -l /dev/l /dev/d/deeper/nothing; ls /dev/d; ${open('/dev/l')}; true`);
    assert.match(seen, /^c\S+ +1 root +root +10, 229 .*\/dev\/l$/m);
    assert.match(seen, /^c\S+ +1 root +root +1, +3 .*nothing$/m);
    assert.match(seen, /^deeper\nfuse\n/m);
    if (existsSync('/dev/fuse')) assert.match(seen, /\/dev\/l read/);
  });

  test('permissions hold, and a rule opens what has no device', { skip: !existsSync('/dev/fuse') }, async () => {
    const make = `mknod /tmp/fuse ${FUSE.join(' ')}; ${open('/tmp/fuse')}; true`;
    assert.equal(await inside([], make), '');
    assert.equal(await inside(['--device', '/dev/fuse:r'], make), '/tmp/fuse read');
    assert.equal(await inside(['--device-cgroup-rule', 'c 10:* rw'], make), '/tmp/fuse read\n/tmp/fuse written');
  });

  test('by the names of CDI specifications, with their variables', async () => {
    const flags = ['--device', 'vendor.com/class=one', '--gpus', 'all', '-e', 'BOTH=user', '-e', 'MINE=1'];
    const seen = await inside(flags, 'ls /dev/one /dev/nvidia0 /dev/nvidia1; echo $SPEC $BOTH $MINE');
    assert.equal(seen, '/dev/nvidia0\n/dev/nvidia1\n/dev/one\nyes spec 1');
    assert.equal(await inside(['--gpus', 'device=0'], 'echo /dev/nv*'), '/dev/nvidia0');
    assert.equal(await inside(['--gpus', '1'], 'echo /dev/nv*'), '/dev/nvidia0');
  });
});

describe('users and groups of the image', () => {
  const cases: [flags: string[], ids: string][] = [
    [[], '0 0 0 50'],
    [['-u', 'app'], '1000 100 100 101 50'],
    [['-u', '1000'], '1000 100 100 101 50'],
    [['-u', 'app:extra'], '1000 60 60'],
    [['-u', '7:8'], '7 8 8'],
    [['-u', '4242'], '4242 0 0'],
    [['--group-add', 'extra', '--group-add', '4242'], '0 0 0 50 4242 60'],
    [['-u', 'app', '--group-add', 'extra'], '1000 100 100 101 50 60'],
  ];
  for (const [flags, ids] of cases)
    test(flags.join(' ') || 'root', async () => {
      const seen = await inside(flags, 'echo $(id -u) $(id -g); grep Groups: /proc/self/status', 'users');
      const [first = '', groups = ''] = seen.split('\n');
      const sorted = (text: string) => text.trim().split(/\s+/).sort().join(' ');
      const [uid, gid, ...others] = ids.split(' ');
      assert.equal(first, `${uid} ${gid}`);
      assert.equal(sorted(groups.replace('Groups:', '')), sorted(others.join(' ')));
    });

  test('an exec as another user keeps the added groups', async (t) => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'grouped',
      '--network',
      'none',
      '--group-add',
      'extra',
      'users',
      'sleep',
      '1000',
    ]);
    t.after(() => daemon.k3c(['rm', '-f', 'grouped']));
    const seen = await daemon.ok(['exec', '-u', 'app', 'grouped', 'grep', 'Groups:', '/proc/self/status']);
    assert.match(seen, /^Groups:\s+50 60 100 101\s*$/);
  });
});

describe('--runtime', () => {
  test('runs with what the configuration names; inspect and info show it', async (t) => {
    await daemon.ok(['run', '--name', 'other', '--runtime', 'second', 'busybox', 'true']);
    t.after(() => daemon.k3c(['rm', '-f', 'other']));
    assert.match(await readFile(join(directory, 'trace'), 'utf8'), /used/);
    assert.equal(await daemon.ok(['inspect', '-f', '{{.HostConfig.Runtime}}', 'other']), 'second');
    const info = await daemon.ok(['info']);
    assert.match(info, /^ Runtimes: (crun )?runc second$/m);
    assert.match(info, new RegExp(`^ CDI spec directories:\n {2}${directory}/cdi$`, 'm'));
  });

  test('crun, or why it cannot', { skip: !existsSync(CRUN) }, async () => {
    const { code, stdout, stderr } = await daemon.k3c(['run', '--rm', '--runtime', 'crun', 'busybox', 'echo', 'hi']);
    if (code === 0) assert.equal(stdout, 'hi\n');
    // Old ones read no specification as new as containerd's, and none runs where both versions of cgroups are in use.
    else assert.match(stderr, /OCI runtime create failed: (unknown version specified|cgroups in hybrid mode)/);
  });
});

describe('refuses, and leaves nothing', () => {
  const error = 'Error response from daemon: ';
  const cases: [flags: string[], sentence: RegExp][] = [
    [['--cap-add', 'FOO'], /^invalid CapAdd: unknown capability: "CAP_FOO"$/],
    [
      ['--device', '/dev/nope'],
      /^error gathering device information while adding custom device "\/dev\/nope": no such file/,
    ],
    [
      ['--device', '/etc'],
      /^error gathering device information while adding custom device "\/etc": not a device node$/,
    ],
    [
      ['--device', 'vendor.com/class=nope'],
      /^CDI device injection failed: unresolvable CDI devices vendor.com\/class=nope$/,
    ],
    [['--group-add', 'ghosts'], /^Unable to find group ghosts: no matching entries in group file$/],
    [['--group-add', '99999999999'], /^uids and gids must be in range 0-2147483647$/],
    [['-u', '99999999999'], /^uids and gids must be in range 0-2147483647$/],
    [['-u', 'ghost'], /^unable to find user ghost: no matching entries in passwd file$/],
    [['-u', 'root:ghosts'], /^unable to find group ghosts: no matching entries in group file$/],
    [['--security-opt', 'foo=bar'], /^invalid --security-opt 2: "foo=bar"$/],
    [['--runtime', 'nope'], /^unknown or invalid runtime name: nope$/],
  ];
  for (const [flags, sentence] of cases)
    test(flags.join(' '), async () => {
      const { code, stderr } = await daemon.k3c(['run', '--rm', '--network', 'none', ...flags, 'busybox', 'true']);
      assert.equal(code, 125, stderr);
      const [first = ''] = stderr.split('\n');
      assert.ok(first.startsWith(`k3c: ${error}`), stderr);
      assert.match(first.slice(`k3c: ${error}`.length), sentence);
      assert.equal(await daemon.ok(['ps', '-aq']), '');
    });

  test('says what this host does nothing about', { skip: existsSync('/sys/module/apparmor') }, async () => {
    const flags = ['--security-opt', 'apparmor=mine', '--security-opt', 'label=type:x'];
    const { code, stderr } = await daemon.k3c(['run', '--rm', '--network', 'none', ...flags, 'busybox', 'true']);
    assert.equal(code, 0);
    assert.match(stderr, /^WARNING: This host has no AppArmor\. The profile mine is not applied\.$/m);
    assert.match(stderr, /^WARNING: k3c does not label containers for SELinux\. Discarded: type:x$/m);
  });
});

test('inspect shows what was asked for', async (t) => {
  const flags = [
    '--cap-add',
    'NET_ADMIN',
    '--cap-drop',
    'CHOWN',
    '--security-opt',
    'seccomp=unconfined',
    '--group-add',
    '7',
  ];
  const devices = [
    '--device',
    '/dev/null:/dev/x:r',
    '--device',
    'vendor.com/class=one',
    '--device-cgroup-rule',
    'c 1:3 r',
  ];
  await daemon.ok(['create', '--name', 'shown', ...flags, ...devices, 'busybox', 'true']);
  t.after(() => daemon.k3c(['rm', '-f', 'shown']));
  const [document] = JSON.parse(await daemon.ok(['inspect', 'shown'])) as [{ HostConfig: Record<string, unknown> }];
  const { CapAdd, CapDrop, SecurityOpt, GroupAdd, Devices, DeviceCgroupRules, DeviceRequests, Runtime } =
    document.HostConfig;
  assert.deepEqual(
    { CapAdd, CapDrop, SecurityOpt, GroupAdd, Devices, DeviceCgroupRules, DeviceRequests, Runtime },
    {
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['CHOWN'],
      SecurityOpt: ['seccomp=unconfined'],
      GroupAdd: ['7'],
      Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }],
      DeviceCgroupRules: ['c 1:3 r'],
      DeviceRequests: [{ Driver: 'cdi', Count: 0, DeviceIDs: ['vendor.com/class=one'], Capabilities: [], Options: {} }],
      Runtime: 'runc',
    },
  );
});
