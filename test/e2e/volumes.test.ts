/** Volumes: the verbs, what options mount, parts of volumes, and what a killed daemon leaves of them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const run = (flags: readonly string[], script: string) =>
  daemon.ok(['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
const data = (name: string) => join(daemon.root, 'volumes', name, '_data');
const isMounted = (path: string) => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
async function refused(argv: readonly string[], sentence: string | RegExp, code = 1): Promise<void> {
  const result = await daemon.k3c(argv);
  assert.equal(result.code, code, result.stderr);
  if (typeof sentence === 'string') assert.ok(result.stderr.includes(sentence), result.stderr);
  else assert.match(result.stderr, sentence);
}
/** Until something is so; what happens after an exit happens in the background. */
async function soon(what: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !what(); i++) await sleep(50);
  assert.ok(what(), 'it did not come to that in time');
}

describe('the verbs', () => {
  test('create, ls, inspect, rm', async () => {
    assert.equal(await daemon.ok(['volume', 'create', '--label', 'tier=db', 'first']), 'first');
    assert.equal(await daemon.ok(['volume', 'create', 'first']), 'first');
    const anonymous = await daemon.ok(['volume', 'create']);
    assert.match(anonymous, /^[0-9a-f]{64}$/);
    assert.equal(await daemon.ok(['volume', 'ls', '-q', '-f', 'label=tier=db']), 'first');
    assert.equal(
      await daemon.ok([
        'volume',
        'ls',
        '--format',
        '{{.Name}} {{.Driver}} {{.Scope}} {{.Label "tier"}}',
        '-f',
        'name=^first$',
      ]),
      'first local local db',
    );
    const [shown] = JSON.parse(await daemon.ok(['inspect', '--type', 'volume', 'first'])) as Record<string, unknown>[];
    assert.match(String(shown?.['CreatedAt']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(
      { ...shown, CreatedAt: '' },
      {
        CreatedAt: '',
        Driver: 'local',
        Labels: { tier: 'db' },
        Mountpoint: data('first'),
        Name: 'first',
        Options: null,
        Scope: 'local',
      },
    );
    assert.equal(await daemon.ok(['volume', 'rm', 'first', anonymous]), `first\n${anonymous}`);
    assert.equal(existsSync(data('first')), false);
    await refused(['volume', 'rm', 'first'], 'get first: no such volume');
    assert.equal(await daemon.ok(['volume', 'rm', '-f', 'first']), 'first');
  });

  test('one that a container has, running or not, is not removed', async () => {
    await daemon.ok(['create', '--name', 'user', '-v', 'used:/data', 'busybox', 'true']);
    const id = await daemon.ok(['inspect', '-f', '{{.Id}}', 'user']);
    await refused(
      ['volume', 'rm', 'used'],
      `remove used: volume is in use - [${id}]\nhint: remove first what has it: user\n`,
    );
    await refused(['volume', 'rm', '-f', 'used'], 'volume is in use');
    assert.equal(await daemon.ok(['volume', 'ls', '-q', '-f', 'dangling=true', '-f', 'name=used']), '');
    await daemon.ok(['rm', '-v', 'user']);
    assert.equal(await daemon.ok(['volume', 'ls', '-q', '-f', 'dangling=true']), 'used');
    await daemon.ok(['volume', 'rm', 'used']);
  });

  test('prune takes anonymous ones, with -a all, and never one that is used', async () => {
    await daemon.ok(['create', '--name', 'holder', '-v', 'held:/data', 'busybox', 'true']);
    await daemon.ok(['volume', 'create', 'named']);
    await daemon.ok(['volume', 'create', '--label', 'keep=1', 'kept']);
    const anonymous = await daemon.ok(['volume', 'create']);
    writeFileSync(join(data(anonymous), 'file'), Buffer.alloc(1_000_000));
    const first = await daemon.ok(['volume', 'prune', '-f']);
    assert.ok(first.startsWith(`Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 1.0`), first);
    assert.match(
      await daemon.ok(['volume', 'prune', '-f', '-a', '--filter', 'label!=keep']),
      /^Deleted Volumes:\nnamed\n\n/,
    );
    assert.equal(await daemon.ok(['volume', 'ls', '-q']), 'held\nkept');
    await daemon.ok(['rm', 'holder']);
    await daemon.ok(['volume', 'rm', 'held', 'kept']);
  });

  test('anonymous ones go with --rm and rm -v, unless somebody else has them', async () => {
    await run(['-v', '/data'], 'true');
    await soon(() => readdirSync(join(daemon.root, 'volumes')).length === 0);
    await daemon.ok(['create', '--name', 'owner', '-v', '/data', 'busybox', 'true']);
    await daemon.ok(['create', '--name', 'sharer', '--volumes-from', 'owner', 'busybox', 'true']);
    await daemon.ok(['rm', '-v', 'owner']);
    assert.equal((await daemon.ok(['volume', 'ls', '-q'])).length, 64);
    await daemon.ok(['rm', '-v', 'sharer']);
    assert.equal(await daemon.ok(['volume', 'ls', '-q']), '');
  });

  test('events, and system df', async () => {
    const since = String(Date.now() / 1000);
    await run(['-v', 'told:/data'], 'echo x > /data/f');
    assert.match(
      await daemon.ok(['system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}}']),
      /^Local Volumes 1 0$/m,
    );
    await daemon.ok(['volume', 'rm', 'told']);
    const told = await daemon.ok([
      'events',
      '--since',
      since,
      '--until',
      '0s',
      '--filter',
      'type=volume',
      '--format',
      '{{.Action}} {{.Actor.ID}}',
    ]);
    assert.equal(told, 'create told\nmount told\nunmount told\ndestroy told');
  });
});

describe('what is wrong is said in docker’s words', () => {
  const wrong: [argv: string[], sentence: string][] = [
    [['create', 'x'], 'create x: volume name is too short, names should be at least two alphanumeric characters'],
    [['create', 'a/b'], 'create a/b: "a/b" includes invalid characters for a local volume name'],
    [['create', '-d', 'nfs', 'data'], 'create data: error looking up volume plugin nfs: plugin "nfs" not found'],
    [['create', '-o', 'foo=bar', 'data'], 'create data: invalid option: "foo"'],
    [['create', '-o', 'type=nfs', 'data'], 'create data: missing required option: "device"'],
    [['ls', '-f', 'foo=bar'], "invalid filter 'foo'"],
    [['inspect', 'nosuch'], 'get nosuch: no such volume'],
  ];
  for (const [argv, sentence] of wrong)
    test(argv.join(' '), async () => {
      await refused(['volume', ...argv], sentence);
      assert.equal(await daemon.ok(['volume', 'ls', '-q']), '');
    });
});

describe('options of the local driver', () => {
  test('a tmpfs, mounted while a container has it', async () => {
    await daemon.ok(['volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m,uid=7', 'small']);
    assert.equal(isMounted(data('small')), false);
    await daemon.ok(['run', '-d', '--name', 'one', '-v', 'small:/data', 'busybox', 'sleep', '1000']);
    await daemon.ok(['run', '-d', '--name', 'two', '-v', 'small:/data', 'busybox', 'sleep', '1000']);
    assert.equal(
      await daemon.ok([
        'exec',
        'one',
        'sh',
        '-c',
        "stat -c %u /data; df -k /data | tail -1 | awk '{print $2}'; echo x > /data/f",
      ]),
      '7\n1024',
    );
    assert.equal(await daemon.ok(['exec', 'two', 'cat', '/data/f']), 'x');
    await daemon.ok(['rm', '-f', 'one']);
    assert.ok(isMounted(data('small')), 'another has it');
    // A daemon that was killed holds it again for whom it finds running, and lets go of it with him.
    await daemon.end('SIGKILL');
    await daemon.start();
    assert.equal(await daemon.ok(['exec', 'two', 'cat', '/data/f']), 'x');
    assert.ok(isMounted(data('small')), 'it runs on');
    await daemon.ok(['rm', '-f', 'two']);
    await soon(() => !isMounted(data('small')));
    await daemon.ok(['volume', 'rm', 'small']);
  });

  test('a directory of the host; its files outlive the volume', async () => {
    const elsewhere = join(daemon.directory, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'precious'), 'x');
    await daemon.ok(['volume', 'create', '-o', 'type=none', '-o', `device=${elsewhere}`, '-o', 'o=bind,ro', 'there']);
    assert.equal(
      await run(['-v', 'there:/data'], 'cat /data/precious; touch /data/y 2>&1 | grep -o "Read-only file system"'),
      'xRead-only file system',
    );
    await daemon.ok(['create', '--name', 'never', '-v', 'there:/data', 'busybox', 'true']);
    assert.equal((await daemon.k3c(['cp', 'never:/data/precious', '-'])).code, 0);
    await soon(() => !isMounted(data('there')));
    await daemon.ok(['rm', 'never']);
    await daemon.ok(['volume', 'rm', 'there']);
    assert.deepEqual(readdirSync(elsewhere), ['precious']);
  });

  test('what the kernel refuses is told, and nothing stays behind', async () => {
    const cases: [options: string[], sentence: RegExp][] = [
      [
        ['type=none', 'device=/nosuch', 'o=bind'],
        /failed to mount local volume: mount \/nosuch:\S+, flags: 0x1000: no such file or directory/,
      ],
      [['type=nosuchfs', 'device=/dev/null'], /failed to mount local volume: mount \/dev\/null:\S+: no such device/],
      [
        ['type=nfs', 'device=:/x', 'o=addr=127.0.0.1,password=secret,nolock'],
        /failed to mount local volume: mount :\/x:\S+, data: addr=127.0.0.1,password=\*+,nolock: \w+/,
      ],
    ];
    for (const [options, sentence] of cases) {
      await daemon.ok(['volume', 'create', ...options.flatMap((option) => ['-o', option]), 'bad']);
      await refused(['run', '--rm', '-v', 'bad:/data', 'busybox', 'true'], sentence, 125);
      assert.equal(isMounted(data('bad')), false);
      await daemon.ok(['volume', 'rm', 'bad']);
    }
  });

  test('--mount makes a volume with options and labels', async () => {
    const flags = [
      '--mount',
      'source=made,target=/data,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-label=a=b',
    ];
    assert.match(await run(flags, 'grep " /data " /proc/mounts'), /^tmpfs /);
    assert.equal(
      await daemon.ok(['volume', 'inspect', '-f', '{{json .Options}} {{.Labels.a}}', 'made']),
      '{"device":"tmpfs","type":"tmpfs"} b',
    );
    await daemon.ok(['volume', 'rm', 'made']);
  });
});

describe('mounts', () => {
  test('a part of a volume; a link in it leads nowhere', async () => {
    await run(
      ['-v', 'parts:/data'],
      'mkdir -p /data/a/b; echo x > /data/a/b/f; echo y > /data/g; ln -s /etc /data/out',
    );
    assert.equal(
      await run(['--mount', 'source=parts,target=/m,volume-subpath=a/b'], 'ls /m; cat /m/f; echo new > /m/n'),
      'f\nx',
    );
    assert.equal(await run(['--mount', 'source=parts,target=/m,volume-subpath=g'], 'cat /m'), 'y');
    assert.equal(readFileSync(join(data('parts'), 'a/b/n'), 'utf8'), 'new\n');
    const bad = (subpath: string, sentence: string) =>
      refused(
        ['run', '--rm', '--mount', `source=parts,target=/m,volume-subpath=${subpath}`, 'busybox', 'true'],
        sentence,
        125,
      );
    await bad('nosuch', 'no such file or directory');
    await bad('out', 'a symbolic link is not followed there');
    await bad('../x', 'subpath must be a relative path within the volume');
    await soon(() => readdirSync(join(daemon.state, 'subpaths')).length === 0);
    await daemon.ok(['volume', 'rm', 'parts']);
  });

  test('mounts below a bind: taken along, left out', async () => {
    const source = join(daemon.directory, 'tree');
    mkdirSync(join(source, 'below'), { recursive: true });
    await daemon.ok(['volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'inner']);
    await daemon.ok(['run', '-d', '--name', 'inner', '-v', 'inner:/data', 'busybox', 'sleep', '1000']);
    writeFileSync(join(data('inner'), 'deep'), 'x');
    const parent = join(daemon.root, 'volumes/inner');
    const see = (recursion: string) =>
      run(['--mount', `type=bind,source=${parent},target=/m${recursion}`], 'ls /m/_data');
    assert.equal(await see(''), 'deep');
    assert.equal(await see(',bind-recursive=disabled'), '');
    await daemon.ok(['rm', '-f', 'inner']);
    await daemon.ok(['volume', 'rm', 'inner']);
  });

  test('copy-up: owners, modes and links of the image, once', async () => {
    await daemon.ok(['create', '--name', 'source', 'busybox', 'true']);
    const script =
      'mkdir -p /seed/sub; echo x > /seed/f; chown 5:6 /seed/f; chmod 640 /seed/f; ln -s f /seed/l; chown 7:8 /seed; chmod 1770 /seed';
    await daemon.ok(['run', '--name', 'maker', 'busybox', 'sh', '-c', script]);
    await daemon.ok(['commit', 'maker', 'seeded']);
    const look = 'stat -c "%a %u:%g" /seed /seed/f; readlink /seed/l';
    const inSeeded = (flags: string[], command: string) =>
      daemon.ok(['run', '--rm', ...flags, 'seeded', 'sh', '-c', command]);
    assert.equal(await inSeeded(['-v', 'filled:/seed'], `${look}; rm /seed/f`), '1770 7:8\n640 5:6\nf');
    assert.equal(await inSeeded(['-v', 'filled:/seed'], 'ls /seed'), 'l\nsub');
    assert.equal(await inSeeded(['-v', 'empty:/seed:nocopy'], 'ls /seed'), '');
    await daemon.ok(['rm', 'source', 'maker']);
    await daemon.ok(['volume', 'rm', 'filled', 'empty']);
  });

  test('copy-up: hard links, FIFOs, devices and names that are not UTF-8', async () => {
    const script =
      'mkdir -p /seed/sub; echo x > /seed/f; ln /seed/f /seed/sub/h; mkfifo -m 622 /seed/p; mknod /seed/null c 1 3; : > "/seed/$(printf "\\351")"';
    await daemon.ok(['run', '--name', 'maker', 'busybox', 'sh', '-c', script]);
    await daemon.ok(['commit', 'maker', 'odd']);
    const look =
      'cd /seed; stat -c "%F %h %a" f p null; ls | wc -l; echo y > f; cat sub/h; set -- *; printf %s "$5" | od -An -tx1';
    const seen = await daemon.ok(['run', '--rm', '-v', 'odd:/seed', 'odd', 'sh', '-c', look]);
    const kinds = ['regular file 2 644', 'fifo 1 622', 'character special file 1 644'];
    assert.deepEqual(seen.split('\n'), [...kinds, '5', 'y', ' e9']);
    await daemon.ok(['rm', 'maker']);
    await daemon.ok(['volume', 'rm', 'odd']);
  });

  test('what cannot be mounted is told, with k3c’s own exit code, and nothing stays behind', async () => {
    const path = (name: string) => join(daemon.directory, name);
    mkdirSync(path('of-dirs'));
    writeFileSync(path('of-files'), '');
    symlinkSync('nowhere', path('of-links'));
    const cases: [mount: string, sentence: RegExp][] = [
      [
        `${path('of-dirs')}:/etc/passwd`,
        /to rootfs at "\/etc\/passwd": .*not a directory\nhint: a directory goes onto/,
      ],
      [`${path('of-files')}:/etc`, /to rootfs at "\/etc": .*not a directory\nhint: a directory goes onto/],
      [`${path('of-links')}:/data`, /mount source path '\S+of-links': it is a symbolic link to what is not there\n/],
      [`${path('of-files')}/below:/data`, /mount source path '\S+below': not a directory\n/],
      ['~/x:/data', /"~\/x" includes invalid characters for a local volume name/],
    ];
    for (const [mount, sentence] of cases)
      await refused(['run', '--rm', '-v', mount, 'busybox', 'true'], sentence, 125);
    await refused(['run', '--rm', '--tmpfs', '/data:size=x', 'busybox', 'true'], /data=size=x: invalid argument/, 125);
    assert.equal(await daemon.ok(['ps', '-aq']), '');
    assert.equal(await daemon.ok(['volume', 'ls', '-q']), '');
  });
});

describe('a daemon that is killed', () => {
  test('at any moment of writes, removals and new volumes of the same name loses nothing and mixes nothing up', async () => {
    await run(['-v', 'safe:/data'], 'echo kept > /data/f');
    for (let round = 0; round < 4; round++) {
      await daemon.ok(['volume', 'create', 'going']);
      for (let i = 0; i < 300; i++) writeFileSync(join(data('going'), `f${i}`), 'old');
      const created = daemon.k3c(['volume', 'create', `new${round}`]);
      const removed = daemon.k3c(['volume', 'rm', 'going']);
      await sleep(round * 15);
      await daemon.end('SIGKILL');
      const [{ code: made }, { code: gone }] = await Promise.all([created, removed]);
      await daemon.start();
      const names = (await daemon.ok(['volume', 'ls', '-q'])).split('\n');
      if (made === 0) assert.ok(names.includes(`new${round}`), 'what was promised is there');
      if (gone === 0) assert.ok(!names.includes('going'), 'what was said to be gone is gone');
      // Whole or gone.
      if (names.includes('going')) assert.equal(readdirSync(data('going')).length, 300);
      else assert.equal(await run(['-v', 'going:/data'], 'ls /data | wc -l'), '0');
      await daemon.ok(['volume', 'rm', 'going']);
    }
    assert.equal(await run(['-v', 'safe:/data'], 'cat /data/f'), 'kept');
    await soon(() => readdirSync(join(daemon.root, 'volumes')).every((name) => !name.startsWith('.')));
    await daemon.ok(['volume', 'prune', '-a', '-f']);
  });

  test('a volume that the state does not know is taken up, and not deleted', async () => {
    await daemon.end('SIGTERM');
    mkdirSync(data('found'), { recursive: true });
    writeFileSync(join(data('found'), 'f'), 'text');
    symlinkSync('/etc', join(daemon.root, 'volumes/trap'));
    await daemon.start();
    assert.equal(await daemon.ok(['volume', 'ls', '-q']), 'found');
    assert.equal(await run(['-v', 'found:/data'], 'cat /data/f'), 'text');
    await daemon.ok(['volume', 'rm', 'found']);
  });
});
