import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import { cli, runOn, TestHost } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';

let base: string;
let home: string;
let env: Record<string, string>;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'k3c-login-'));
});
after(() => rm(base, { recursive: true }));
beforeEach(async () => {
  home = await mkdtemp(join(base, 'h-'));
  env = { DOCKER_CONFIG: join(home, 'docker'), PATH: `${home}:/usr/bin:/bin` };
});

interface Asked {
  server: string;
  auth: { username: string; password: string; identityToken: string };
}

/** A daemon whose registries take one password, and give this identity token. */
function registry(identityToken = '') {
  const asked: Asked[] = [];
  const login = (request: Asked) => {
    asked.push(request);
    if (request.auth.password === 'right' || request.auth.identityToken === 'kept') {
      return Promise.resolve({ identityToken });
    }
    const options = { reason: 'unauthorized', remote: true } as const;
    return Promise.reject(new K3cError(Code.UNAUTHENTICATED, 'login failed: unauthorized', options));
  };
  return { asked, images: { login } };
}

const configFile = () => join(home, 'docker/config.json');
const config = async () => JSON.parse(await readFile(configFile(), 'utf8')) as Record<string, unknown>;
const write = async (document: unknown) => {
  await mkdir(join(home, 'docker'), { recursive: true });
  await writeFile(configFile(), JSON.stringify(document));
};
const encoded = (text: string) => Buffer.from(text).toString('base64');
function typed(text: string): PassThrough {
  const stdin = new PassThrough();
  stdin.end(text);
  return stdin;
}

describe('login', () => {
  test('with flags: warned twice, kept for the owner alone', async () => {
    const client = registry();
    const { code, out, err } = await cli(['login', '-u', 'me', '-p', 'right', 'r.test:5000'], { client, env });
    assert.deepEqual([code, out], [0, 'Login Succeeded\n']);
    assert.match(
      err,
      /^WARNING! Using --password via the CLI is insecure\. Use --password-stdin\.\nWARNING! Your password/,
    );
    assert.ok(err.includes(`stored unencrypted in ${configFile()}.\n`));
    assert.deepEqual(client.asked, [
      { server: 'r.test:5000', auth: { username: 'me', password: 'right', identityToken: '' } },
    ]);
    assert.deepEqual(await config(), { auths: { 'r.test:5000': { auth: encoded('me:right') } } });
    assert.equal((await stat(configFile())).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(home, 'docker')), ['config.json'], 'nothing half-written is left');
  });

  test('the password from stdin, one line end taken off; Docker Hub by default', async () => {
    const client = registry();
    const { code } = await cli(['login', '-u', 'me', '--password-stdin'], { client, env, stdin: typed('right\r\n') });
    assert.equal(code, 0);
    assert.equal(client.asked[0]?.server, 'docker.io');
    assert.deepEqual(await config(), { auths: { 'https://index.docker.io/v1/': { auth: encoded('me:right') } } });
  });

  test('a scheme and a path of the server do not count', async () => {
    const client = registry();
    await cli(['login', '-u', 'me', '-p', 'right', 'https://r.test/v2/'], { client, env });
    assert.equal(client.asked[0]?.server, 'r.test');
    assert.ok('r.test' in ((await config())['auths'] as object));
  });

  test('every other key stays, and so does a link to the file', async () => {
    await write({ detachKeys: 'ctrl-a', auths: { 'a.test': { auth: 'x', email: 'e' } }, plugins: { a: { b: 'c' } } });
    const real = join(home, 'real.json');
    await rename(configFile(), real);
    await symlink(real, configFile());
    await cli(['login', '-u', 'me', '-p', 'right', 'b.test'], { client: registry(), env });
    assert.deepEqual(JSON.parse(await readFile(real, 'utf8')), {
      detachKeys: 'ctrl-a',
      auths: { 'a.test': { auth: 'x', email: 'e' }, 'b.test': { auth: encoded('me:right') } },
      plugins: { a: { b: 'c' } },
    });
    assert.ok((await stat(configFile())).isFile());
  });

  test('a file that is no JSON is left as it is, and nobody is asked', async () => {
    await write({});
    await writeFile(configFile(), '{"auths": "hunter2');
    const client = registry();
    const { code, err } = await cli(['login', '-u', 'me', '-p', 'right', 'r.test'], { client, env });
    assert.equal(code, 1);
    assert.match(err, /config\.json is not valid JSON/);
    assert.doesNotMatch(err, /hunter2/);
    assert.deepEqual(client.asked, []);
    const out = await cli(['logout', 'r.test'], { env });
    assert.match(out.err, /^WARNING: could not erase credentials:\n.*not valid JSON/);
    assert.equal(await readFile(configFile(), 'utf8'), '{"auths": "hunter2');
  });

  test('an identity token is kept instead of the password, without a warning', async () => {
    const { err } = await cli(['login', '-u', 'me', '--password-stdin', 'r.test'], {
      client: registry('kept'),
      env,
      stdin: typed('right'),
    });
    assert.equal(err, '');
    assert.deepEqual(await config(), { auths: { 'r.test': { auth: encoded('me:'), identitytoken: 'kept' } } });
    // It is a login by itself.
    const again = await cli(['login', 'r.test'], { client: registry('kept'), env });
    assert.equal(again.out, 'Authenticating with existing credentials...\nLogin Succeeded\n');
  });

  test('a wrong password is told, and nothing is kept', async () => {
    const { code, err } = await cli(['login', '-u', 'me', '--password-stdin', 'r.test'], {
      client: registry(),
      env,
      stdin: typed('hunter2'),
    });
    assert.deepEqual([code, err], [1, 'Error response from daemon: login failed: unauthorized\n']);
    await assert.rejects(stat(configFile()), { code: 'ENOENT' });
  });

  const wrong: readonly [argv: string[], message: RegExp][] = [
    [['-p', 'x', '--password-stdin'], /--password and --password-stdin are mutually exclusive/],
    [['--password-stdin'], /^Must provide --username with --password-stdin\n/],
    [['-u', 'me'], /^Error: Cannot perform an interactive login from a non TTY device\n/],
    [['r.test'], /^Error: Cannot perform an interactive login from a non TTY device\n/],
  ];
  for (const [argv, message] of wrong) {
    test(`refused: login ${argv.join(' ')}`, async () => {
      const { code, err } = await cli(['login', ...argv], { env });
      assert.equal(code, 1);
      assert.match(err, message);
    });
  }

  test('a helper keeps it, and the file only names the registry', async () => {
    const kept = join(home, 'kept');
    await writeFile(
      join(home, 'docker-credential-box'),
      `#!/bin/sh\ncase $1 in store) cat > ${kept};; erase) cat > ${kept}.erased; rm -f ${kept};; get) echo credentials not found in native keychain; exit 1;; esac\n`,
    );
    await chmod(join(home, 'docker-credential-box'), 0o755);
    await write({ credHelpers: { 'r.test': 'box' } });
    const { err } = await cli(['login', '-u', 'me', '-p', 'right', 'r.test'], { client: registry(), env });
    assert.doesNotMatch(err, /unencrypted/);
    const stored = { ServerURL: 'r.test', Username: 'me', Secret: 'right' };
    assert.deepEqual(JSON.parse(await readFile(kept, 'utf8')), stored);
    assert.deepEqual((await config())['auths'], { 'r.test': {} });
    const out = await cli(['logout', 'r.test'], { env });
    assert.deepEqual([out.code, out.out, out.err], [0, 'Removing login credentials for r.test\n', '']);
    await assert.rejects(stat(kept), { code: 'ENOENT' });
    assert.deepEqual((await config())['auths'], {});
  });
});

describe('login on a terminal', () => {
  const tty = { stdin: true, stdout: true };

  test('asks for both, the password unseen, with what a terminal does to a line', async () => {
    const stdin = new PassThrough();
    const host = new TestHost({ env, stdin, tty });
    const client = registry();
    stdin.write('me\nwronG\x15righx\x7ft\r');
    assert.equal(await runOn(host, ['login', 'r.test'], client), 0);
    assert.equal(client.asked[0]?.auth.password, 'right');
    assert.equal(host.out.toString(), 'Username: Password: \nLogin Succeeded\n');
    assert.deepEqual(host.modes, ['raw', 'cooked']);
  });

  test('kept credentials that are refused are asked for anew', async () => {
    await write({ auths: { 'r.test': { auth: encoded('me:old') } } });
    const stdin = new PassThrough();
    const host = new TestHost({ env, stdin, tty });
    stdin.write('me\nright\n');
    assert.equal(await runOn(host, ['login', 'r.test'], registry()), 0);
    assert.match(host.err.toString(), /^Login did not succeed, error: login failed: unauthorized\n/);
    assert.deepEqual(await config(), { auths: { 'r.test': { auth: encoded('me:right') } } });
  });

  test('^C, nothing at all, and a signal end it; the terminal is given back', async () => {
    const keys = { '\x03': 130, '\r': 1, '\x04': 1 };
    for (const [key, code] of Object.entries(keys)) {
      const stdin = new PassThrough();
      const host = new TestHost({ env, stdin, tty });
      stdin.write(key);
      assert.equal(await runOn(host, ['login', '-u', 'me', 'r.test']), code);
      assert.deepEqual(host.modes, ['raw', 'cooked']);
    }
    const host = new TestHost({ env, stdin: new PassThrough(), tty });
    const running = runOn(host, ['login', '-u', 'me', 'r.test']);
    setTimeout(() => host.kill('SIGTERM'), 20);
    assert.notEqual(await running, 0);
    assert.deepEqual(host.modes, ['raw', 'cooked']);
  });
});

describe('logout', () => {
  test('forgets a registry and no other, under any of its old names', async () => {
    await write({ auths: { 'https://r.test': { auth: 'x' }, 'r.test': {}, 'a.test': { auth: 'y' } }, x: 1 });
    const { code, out } = await cli(['logout', 'r.test'], { env });
    assert.deepEqual([code, out], [0, 'Removing login credentials for r.test\n']);
    assert.deepEqual(await config(), { auths: { 'a.test': { auth: 'y' } }, x: 1 });
  });

  test('Docker Hub by default; nothing is written where nothing was', async () => {
    const { code, out } = await cli(['logout'], { env });
    assert.deepEqual([code, out], [0, 'Removing login credentials for https://index.docker.io/v1/\n']);
    await assert.rejects(stat(configFile()), { code: 'ENOENT' });
  });
});
