/** scripts/install.sh, from a folder and from a server, below a prefix: the machine itself is not touched. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { binary, type Result, run, temporaryDirectory } from '../support/binary.ts';

const installer = join(import.meta.dirname, '../../scripts/install.sh');

/** Runs the installer as `curl … | sh -s` does: from its standard input. */
function install(env: Record<string, string>, args: readonly string[] = []): Promise<Result> {
  return run('sh', ['-s', '--', ...args], {
    env: { PATH: process.env['PATH'], K3C_UNPACK_DIR: env['UNPACK'], ...env },
    input: readFileSync(installer),
  });
}

/** A folder with k3c and its checksum, as a release has it. */
function release(t: TestContext, checksum?: string): string {
  const folder = temporaryDirectory(t);
  copyFileSync(binary, join(folder, 'k3c'));
  const sum = createHash('sha256').update(readFileSync(binary)).digest('hex');
  writeFileSync(join(folder, 'k3c.sha256'), `${checksum ?? sum}  k3c\n`);
  return folder;
}

function setting(t: TestContext, init: string): { prefix: string; env: Record<string, string> } {
  const prefix = temporaryDirectory(t);
  return { prefix, env: { K3C_PREFIX: prefix, K3C_INIT: init, UNPACK: temporaryDirectory(t) } };
}

test('with systemd: binary, unit, settings; again for an upgrade; and all gone again', async (t) => {
  const { prefix, env } = setting(t, 'systemd');
  const url = { K3C_URL: `file://${release(t)}` };
  for (let i = 0; i < 2; i++) {
    const result = await install({ ...env, ...url });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /^k3c: k3c version .* in .*\/usr\/local\/bin\/k3c\nk3c: done\n$/);
  }
  const installed = join(prefix, 'usr/local/bin/k3c');
  assert.deepEqual(readFileSync(installed), readFileSync(binary));
  assert.equal(statSync(installed).mode & 0o777, 0o755);
  assert.deepEqual(readdirSync(join(prefix, 'usr/local/bin')), ['k3c']);
  const unit = readFileSync(join(prefix, 'etc/systemd/system/k3c.service'), 'utf8');
  for (const line of ['Delegate=yes', 'KillMode=process', 'Type=notify', 'ExecStart=/usr/local/bin/k3c daemon']) {
    assert.ok(unit.split('\n').includes(line), line);
  }
  assert.ok(existsSync(join(prefix, 'etc/k3c')));
  assert.ok(!existsSync(join(prefix, 'etc/init.d')));

  mkdirSync(join(prefix, 'var/lib/k3c/rt'), { recursive: true });
  mkdirSync(join(prefix, 'var/lib/k3c/volumes'), { recursive: true });
  const removed = await install(env, ['--uninstall']);
  assert.equal(removed.code, 0, removed.stderr);
  assert.deepEqual(readdirSync(join(prefix, 'usr/local/bin')), []);
  assert.deepEqual(readdirSync(join(prefix, 'etc/systemd/system')), []);
  assert.deepEqual(readdirSync(join(prefix, 'var/lib/k3c')), ['volumes']);
  const purged = await install(env, ['--uninstall', '--purge']);
  assert.equal(purged.code, 0, purged.stderr);
  assert.deepEqual(readdirSync(join(prefix, 'var/lib')), []);
  assert.ok(!existsSync(join(prefix, 'etc/k3c')));
});

test('with OpenRC, in a folder of its own', async (t) => {
  const { prefix, env } = setting(t, 'openrc');
  const result = await install({ ...env, K3C_URL: `file://${release(t)}/`, K3C_BIN_DIR: '/opt/bin' });
  assert.equal(result.code, 0, result.stderr);
  const script = join(prefix, 'etc/init.d/k3c');
  assert.equal(statSync(script).mode & 0o777, 0o755);
  const text = readFileSync(script, 'utf8');
  assert.match(text, /^#!\/sbin\/openrc-run\n/);
  assert.match(text, /^command=\/opt\/bin\/k3c\ncommand_args=daemon$/m);
  assert.equal((await run('sh', ['-n', script])).code, 0);
  assert.ok(existsSync(join(prefix, 'opt/bin/k3c')));
});

test('without a service manager it says how to start', async (t) => {
  const { env } = setting(t, 'none');
  const result = await install({ ...env, K3C_URL: `file://${release(t)}` });
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /start it with '\/usr\/local\/bin\/k3c daemon'/);
});

test('from a server', async (t) => {
  const folder = release(t);
  const server = createServer((request, response) => {
    const path = join(folder, request.url ?? '');
    if (!existsSync(path)) response.writeHead(404).end();
    else createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { env } = setting(t, 'none');
  const result = await install({ ...env, K3C_URL: base });
  assert.equal(result.code, 0, result.stderr);
  const missing = await install({ ...env, K3C_URL: `${base}/nowhere` });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /k3c: cannot download http:.*\/nowhere\/k3c.sha256\n$/);
});

test('a download that is damaged, not checkable or not runnable changes nothing', async (t) => {
  const broken = temporaryDirectory(t);
  writeFileSync(join(broken, 'k3c'), '#!/bin/sh\nexit 3\n');
  const sum = createHash('sha256')
    .update(readFileSync(join(broken, 'k3c')))
    .digest('hex');
  writeFileSync(join(broken, 'k3c.sha256'), `${sum}  k3c\n`);
  const cases: [Record<string, string>, RegExp][] = [
    [
      { K3C_URL: `file://${release(t, '0'.repeat(64))}` },
      /the download is damaged: its SHA-256 is [0-9a-f]{64}, expected 0{64}/,
    ],
    [{ K3C_URL: `file://${release(t)}`, K3C_SHA256: '1'.repeat(64) }, /expected 1{64}; nothing was changed/],
    [{ K3C_URL: `file://${release(t, '<html>')}` }, /the checksum '<html>' is none/],
    [{ K3C_URL: `file://${broken}` }, /does not run here; nothing was changed/],
    [{ K3C_URL: 'file:///nonexistent' }, /cannot read file:\/\/\/nonexistent\/k3c.sha256/],
    [{ K3C_URL: 'ftp://example' }, /must begin with https:\/\//],
    [{}, /set K3C_URL/],
  ];
  for (const [env, message] of cases) {
    const { prefix, env: base } = setting(t, 'systemd');
    mkdirSync(join(prefix, 'usr/local/bin'), { recursive: true });
    writeFileSync(join(prefix, 'usr/local/bin/k3c'), 'the old one');
    const result = await install({ ...base, ...env });
    assert.equal(result.code, 1, JSON.stringify(env));
    assert.match(result.stderr, message);
    assert.deepEqual(readdirSync(join(prefix, 'usr/local/bin')), ['k3c']);
    assert.equal(readFileSync(join(prefix, 'usr/local/bin/k3c'), 'utf8'), 'the old one');
    assert.ok(!existsSync(join(prefix, 'etc')));
  }
});

test('a script that is cut short does nothing', async (t) => {
  const { prefix, env } = setting(t, 'systemd');
  const text = readFileSync(installer);
  for (const part of [0.3, 0.6, 0.9]) {
    const result = await run('sh', ['-s'], {
      env: { PATH: process.env['PATH'], ...env, K3C_URL: `file://${release(t)}` },
      input: text.subarray(0, Math.floor(text.length * part)),
    });
    assert.equal(result.stdout, '');
    assert.deepEqual(readdirSync(prefix), []);
  }
});

test('on a live system: the group is made, the service enabled and started, and stopped again', async (t) => {
  const tools = temporaryDirectory(t);
  const log = join(tools, 'log');
  for (const name of ['groupadd', 'systemctl']) {
    writeFileSync(join(tools, name), `#!/bin/sh\necho "${name} $*" >> ${log}\n`);
    chmodSync(join(tools, name), 0o755);
  }
  // The machine's own folders are covered for this process alone.
  const script = `set -e
    for directory in /mnt /usr/local/bin /var/lib; do mount -t tmpfs -o mode=0755 tmpfs $directory; done
    mkdir /mnt/upper /mnt/work
    mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc
    sed -i /^k3c:/d /etc/group
    sh ${installer}
    test -x /usr/local/bin/k3c
    sh ${installer} --uninstall
    test ! -e /usr/local/bin/k3c
    test ! -e /etc/systemd/system/k3c.service`;
  const child = spawn('unshare', ['-m', 'sh', '-c', script], {
    env: {
      PATH: `${tools}:${process.env['PATH']}`,
      K3C_URL: `file://${release(t)}`,
      K3C_INIT: 'systemd',
      K3C_UNPACK_DIR: temporaryDirectory(t),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), [
    'groupadd --system k3c',
    'systemctl daemon-reload',
    'systemctl enable k3c.service',
    'systemctl restart k3c.service',
    'systemctl disable --now k3c.service',
    'systemctl daemon-reload',
  ]);
});
