import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { K3cError } from '../../../api/errors.ts';
import { silentLog } from '../../../host/log.ts';
import { hostsToml } from './hosts-toml.ts';
import { LiveRegistries } from './live-registries.ts';
import { applyRegistries as applyTo } from './registries.ts';
import { parseRegistries } from './registries-config.ts';
import { RelayHolder } from './relay-holder.ts';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'k3c-registries-'));
});
after(async () => {
  await relay.close();
  await rm(base, { recursive: true, force: true });
});

const relay = new RelayHolder({ isAllowed: () => Promise.resolve(false), log: silentLog });
const applyRegistries = (file: string, certs: string) => applyTo(file, certs, { relay });
const toml = (text: string, host: string, withCredentials = false) =>
  hostsToml(parseRegistries(text, 'f'), host, { withCredentials });

test('mirrors are tried in order, with their own TLS, before the registry itself', () => {
  assert.equal(
    toml(
      `mirrors:
  docker.io:
    endpoint: ["https://one.test:5000", "http://two.test/proxy/v2", "three.test"]
configs:
  one.test:5000: {tls: {ca_file: /ca.pem, cert_file: /c.pem, key_file: /k.pem}}
  three.test: {tls: {insecure_skip_verify: true}}
`,
      'docker.io',
    ),
    `
[host."https://one.test:5000/v2"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "5s"
  ca = "/ca.pem"
  client = [["/c.pem","/k.pem"]]

[host."http://two.test/proxy/v2"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "5s"

[host."https://three.test/v2"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "5s"
  skip_verify = true
`,
  );
});

test('an endpoint that is the registry itself says how it is reached, for push too', () => {
  assert.equal(
    toml('mirrors: {"r.test:5000": {endpoint: ["http://r.test:5000"]}}', 'r.test:5000'),
    'server = "http://r.test:5000/v2"\n',
  );
});

test('a rewrite that adds a prefix becomes a path of the endpoint', () => {
  assert.match(
    toml('mirrors: {docker.io: {endpoint: ["https://m.test"], rewrite: {"^(.*)$": "cache/hub/$1"}}}', 'docker.io'),
    /\[host\."https:\/\/m\.test\/v2\/cache\/hub"\]\n {2}capabilities = \["pull", "resolve"\]\n {2}dial_timeout = "5s"\n {2}override_path = true\n/,
  );
});

test('credentials are a header where they are asked for, and nowhere else', () => {
  const text = 'configs: {docker.io: {auth: {username: ada, password: word}}}';
  assert.match(toml(text, 'docker.io', true), /^\n?\[header\]\n {2}Authorization = \["Basic YWRhOndvcmQ="\]\n$/);
  assert.equal(toml(text, 'docker.io').includes('YWRh'), false);
});

const wrong: readonly [text: string, message: RegExp][] = [
  ['mirrors: [a]', /^f: mirrors must be a table$/],
  ['mirror: {}', /^f: the file has no key mirror, only mirrors, configs$/],
  ['mirrors: {a: {endpoint: "x"}}', /^f: mirrors\.a\.endpoint must be a list/],
  ['mirrors: {a: {endpoint: ["ftp://x"]}}', /must begin with http:/],
  ['mirrors: {a: {endpoint: ["https://u:p@x"]}}', /credentials in configs, not in the address of x$/],
  [
    'mirrors: {a: {endpoint: ["https://x"], rewrite: {"^(": "b/$1"}}}',
    /mirrors\.a\.rewrite: "\^\(" is not a regular expression/,
  ],
  ['mirrors: {a: {endpoint: ["https://x"], rewrite: {"^a": 1}}}', /what "\^a" becomes must be a string/],
  ['configs: {a: {auth: {user: x}}}', /^f: configs\.a\.auth has no key user/],
  ['configs: {a: {auth: {auth: "bm8="}}}', /user:password in base64/],
  ['configs: {a: {tls: {cert_file: /x}}}', /needs cert_file and key_file together/],
  ['configs: {a: {tls: {insecure_skip_verify: "yes"}}}', /must be true or false/],
  ['a: [', /^f: not YAML: /],
];
for (const [text, message] of wrong) {
  test(`refused: ${text}`, () => {
    assert.throws(
      () => parseRegistries(text, 'f'),
      (error) => error instanceof K3cError && error.reason === 'bad-input' && message.test(error.message),
    );
  });
}

test('no error has a password of the file in it, its causes neither', () => {
  for (const text of [
    'configs:\n  a:\n    auth:\n      password: geheim: x\n',
    'mirrors: {a: {endpoint: ["https://u:geheim@x:bad"]}}',
    'mirrors: {a: {endpoint: ["ftp://u:geheim@x"]}}',
    'mirrors: {a: {endpoint: ["u:geheim@x:bad"]}}',
  ]) {
    let thrown: unknown;
    try {
      parseRegistries(text, 'f');
    } catch (error) {
      thrown = error;
    }
    assert.ok(thrown instanceof K3cError, text);
    assert.doesNotMatch(inspect(thrown), /geheim/);
  }
});

test('no file configures nothing', async () => {
  const applied = await applyRegistries(join(base, 'none.yaml'), join(base, 'none.d'));
  assert.deepEqual([applied.buildkit, applied.warnings], [{}, []]);
  assert.equal(applied.credentials('docker.io'), undefined);
});

test('everything is written for its owner alone, and a second time replaces the first', async () => {
  const file = join(base, 'r.yaml');
  const certs = join(base, 'certs.d');
  await writeFile(file, 'mirrors: {"*": {endpoint: ["http://all.test"]}, old.test: {endpoint: ["http://m.test"]}}');
  const first = await applyRegistries(file, certs);
  assert.match(await readFile(join(certs, '_default/hosts.toml'), 'utf8'), /all\.test/);
  assert.equal(first.warnings.length, 1);
  assert.deepEqual(first.buildkit['docker.io'], { mirrors: ['all.test'] });
  assert.deepEqual(first.buildkit['all.test'], { http: true });
  await writeFile(join(base, 'pem'), '');
  const pem = join(base, 'pem');
  await writeFile(
    file,
    `mirrors: {docker.io: {endpoint: ["http://m.test:5000", "https://n.test/v2/sub"]}}
configs:
  registry-1.docker.io: {auth: {username: ada, password: word}}
  n.test: {auth: {identity_token: tok}, tls: {ca_file: ${pem}, cert_file: ${pem}, key_file: ${pem}}}
`,
  );
  const applied = await applyRegistries(file, certs);
  await assert.rejects(stat(join(certs, 'old.test')), { code: 'ENOENT' });
  assert.equal((await stat(join(certs, 'docker.io/hosts.toml'))).mode & 0o777, 0o600);
  assert.match(await readFile(join(certs, 'docker.io/hosts.toml'), 'utf8'), /Authorization/);
  assert.doesNotMatch(await readFile(join(applied.hostDir, 'docker.io/hosts.toml'), 'utf8'), /Authorization/);
  assert.deepEqual(applied.credentials('docker.io'), { username: 'ada', password: 'word' });
  assert.deepEqual(applied.credentials('registry-1.docker.io'), { username: 'ada', password: 'word' });
  assert.deepEqual(applied.credentials('n.test'), { identityToken: 'tok' });
  assert.deepEqual(applied.warnings, []);
  const { host } = await relay.get();
  // By way of the relay goes whoever wants a login: BuildKit has none of its own.
  assert.deepEqual(applied.buildkit, {
    'm.test:5000': { http: true },
    'n.test': {
      http: false,
      ca: [pem],
      tlsconfigdir: [join(certs, '_buildkit/n.test')],
      mirrors: [`${host}/n.test/self`],
    },
    'docker.io': { mirrors: ['m.test:5000', `${host}/docker.io/1`, `${host}/docker.io/self`] },
    'registry-1.docker.io': { mirrors: [`${host}/registry-1.docker.io/self`] },
  });
  // And before CRI, who has only a token.
  const forCri = await readFile(join(certs, 'n.test/hosts.toml'), 'utf8');
  assert.ok(forCri.includes(`[host."http://${host}/v2/n.test/self"]`), forCri);
  assert.ok(!(await readFile(join(applied.hostDir, 'n.test/hosts.toml'), 'utf8')).includes(host));
  assert.ok((await readFile(join(certs, 'docker.io/hosts.toml'), 'utf8')).includes(`${host}/v2/docker.io/1"`));
  await stat(join(certs, '_buildkit/n.test/client.key'));
});

test('a certificate that cannot be read is named', async () => {
  const file = join(base, 'missing.yaml');
  await writeFile(file, 'configs: {a.test: {tls: {ca_file: /nowhere/ca.pem}}}');
  await assert.rejects(applyRegistries(file, join(base, 'm.d')), /configs\.a\.test\.tls names \/nowhere\/ca\.pem/);
});

test('a key that is no host is refused by name: it would become a directory elsewhere', () => {
  for (const key of ['https://r.test', 'r.test/team', '../../etc', '_k3c', ''])
    for (const table of ['mirrors', 'configs'])
      assert.throws(() => parseRegistries(`${table}: {${JSON.stringify(key)}: {}}`, 'f'), {
        message: `f: ${table}: ${JSON.stringify(key)} is not a host or host:port; leave scheme and path away`,
      });
  for (const key of ['*', 'r.test', 'localhost:5000', '10.0.0.1:443', '[::1]:5000'])
    assert.ok(parseRegistries(`mirrors: {${JSON.stringify(key)}: {}}`, 'f').mirrors.has(key));
});

test('what BuildKit does not know is told by host: all hosts, and what came after its start', async (t) => {
  const file = join(base, 'live.yaml');
  await writeFile(file, 'mirrors: {a.test: {endpoint: ["http://m.test"]}}');
  const log = silentLog;
  const live = await LiveRegistries.open(file, join(base, 'live.d'), { isAllowed: async () => false, log });
  t.after(() => live.close());
  const ours = () => [undefined, 'a.test', 'b.test', 'docker.io'].map((host) => live.isOursAlone(host));
  assert.equal(live.isBuildkitStale, true, 'it has not been started');
  live.forBuildkitd();
  assert.deepEqual([live.isBuildkitStale, ...ours()], [false, false, false, false, false]);
  await writeFile(file, 'mirrors: {b.test: {endpoint: ["http://m.test"]}, "*": {endpoint: ["http://m.test"]}}');
  await live.reload();
  assert.deepEqual([live.isBuildkitStale, ...ours()], [true, true, true, true, true]);
  live.forBuildkitd();
  assert.deepEqual([live.isBuildkitStale, ...ours()], [false, true, true, false, false]);
});
