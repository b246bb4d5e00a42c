import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfig } from './config.ts';
import { lookupCredentials as lookup } from './lookup.ts';

type Variables = Readonly<Record<string, string>>;

/** As a command does it, with the configuration of the same user. */
const lookupCredentials = async (host: string, env: Variables, signal?: AbortSignal) =>
  lookup(host, await readConfig(env), env, signal);

const base = mkdtempSync(join(tmpdir(), 'k3c-cred-'));
after(() => rmSync(base, { recursive: true, force: true }));

/** The environment of a user with this config.json and these helpers in the PATH. */
function environment(config: unknown, helpers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const home = mkdtempSync(join(base, 'home-'));
  mkdirSync(join(home, '.docker'));
  writeFileSync(join(home, '.docker/config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  for (const [name, script] of Object.entries(helpers)) {
    writeFileSync(join(home, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
    chmodSync(join(home, `docker-credential-${name}`), 0o755);
  }
  return { HOME: home, PATH: `${home}:/usr/bin:/bin` };
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

test('entries of the file: by host, by URL, for Docker Hub under all its names, with colons in the password', async () => {
  const env = environment({
    auths: {
      'example.com:5000': auth('u:p:q'),
      'https://old.example.com/v1/': { username: 'a', password: 'b' },
      'https://index.docker.io/v1/': { ...auth('hub:x'), identitytoken: 'token' },
      'empty.example.com': {},
    },
  });
  assert.deepEqual(await lookupCredentials('example.com:5000', env), { username: 'u', password: 'p:q' });
  assert.deepEqual(await lookupCredentials('old.example.com', env), { username: 'a', password: 'b' });
  for (const host of ['docker.io', 'registry-1.docker.io', 'index.docker.io']) {
    assert.equal((await lookupCredentials(host, env))?.identityToken, 'token');
  }
  assert.equal(await lookupCredentials('empty.example.com', env), undefined);
  assert.equal(await lookupCredentials('example.com', env), undefined);
});

test('a helper of the registry comes before the general one, and both before the file', async () => {
  const answer = (user: string) => `read s; echo '{"Username":"'${user}'","Secret":"'$s'"}'`;
  const env = environment(
    { auths: { 'a.io': auth('file:x'), 'c.io': auth('file:x') }, credsStore: 'all', credHelpers: { 'a.io': 'one' } },
    {
      one: answer('one'),
      all: `read s; [ "$s" != c.io ] || { echo credentials not found in native keychain; exit 1; }; echo '{"Username":"<token>","Secret":"t"}'`,
    },
  );
  assert.deepEqual(await lookupCredentials('a.io', env), { username: 'one', password: 'a.io' });
  assert.deepEqual(await lookupCredentials('b.io', env), { username: '', password: '', identityToken: 't' });
  assert.deepEqual(await lookupCredentials('c.io', env), { username: 'file', password: 'x' });
});

test('DOCKER_CONFIG wins over the home; without either there is nothing', async () => {
  const env = environment({ auths: { 'a.io': auth('u:p') } });
  const other = join(environment({ auths: {} })['HOME'] ?? '', '.docker');
  assert.equal(await lookupCredentials('a.io', { ...env, DOCKER_CONFIG: other }), undefined);
  assert.equal(await lookupCredentials('a.io', {}), undefined);
  assert.equal(await lookupCredentials('a.io', { HOME: '/no/such/home' }), undefined);
});

test('an empty file is an empty configuration', async () => {
  assert.equal(await lookupCredentials('a.io', environment(' \n')), undefined);
});

test('what is broken is said without quoting a secret', async () => {
  const broken = environment('{"auths": {"a.io": {"password": "hunter2" oops');
  await assert.rejects(lookupCredentials('a.io', broken), (error: Error) => {
    assert.match(error.message, /config\.json is not valid JSON/);
    assert.ok(!String(error.stack).includes('hunter2') && error.cause === undefined);
    return true;
  });
  const config = { credsStore: 'x' };
  await assert.rejects(
    lookupCredentials('a.io', environment(config)),
    /cannot run the credential helper docker-credential-x/,
  );
  const locked = environment(config, { x: 'echo keychain is locked; exit 1' });
  await assert.rejects(lookupCredentials('a.io', locked), /docker-credential-x failed for a\.io: keychain is locked/);
  const nonsense = environment(config, { x: 'echo hunter2' });
  await assert.rejects(lookupCredentials('a.io', nonsense), (error: Error) => !String(error.stack).includes('hunter2'));
});

test('a helper that does not answer ends with the command', async () => {
  const env = environment({ credsStore: 'slow' }, { slow: 'exec sleep 60' });
  const controller = new AbortController();
  const asked = lookupCredentials('example.com', env, controller.signal);
  setTimeout(() => controller.abort('SIGINT'), 50);
  await assert.rejects(asked, (error) => error === 'SIGINT');
});

test('proxies for containers, by the variable that names them', async () => {
  const env = environment({
    proxies: { default: { httpProxy: 'http://p', noProxy: '', allProxy: 7, other: 'x' }, 'tcp://h': {} },
  });
  assert.deepEqual((await readConfig(env)).proxies, { HTTP_PROXY: 'http://p' });
  assert.deepEqual((await readConfig({})).proxies, {});
});
