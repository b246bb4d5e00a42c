import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { K3cError } from '../api/errors.ts';
import { loadConfig, settings } from './config.ts';

describe('loadConfig', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'k3c-config-'));
  });
  after(() => rm(directory, { recursive: true }));

  async function file(text: string): Promise<string> {
    const path = join(directory, `${Math.random()}.yaml`);
    await writeFile(path, text);
    return path;
  }

  test('defaults, with the socket in the state directory', async () => {
    const config = await loadConfig({ state: '/tmp/s', config: await file('') }, {}, false);
    assert.equal(config.root, '/var/lib/k3c');
    assert.equal(config.address, '/tmp/s/k3c.sock');
    assert.equal(config.group, 'k3c');
    assert.equal(config.logFormat, 'json');
  });

  test('a terminal gets text', async () => {
    assert.equal((await loadConfig({ config: await file('') }, {}, true)).logFormat, 'text');
  });

  test('flags win over the environment, that over the file', async () => {
    const path = await file('root: /from/file\nbridge-name: file0\ngroup: file\nlog-level: warn\n');
    const env = { K3C_CONFIG: path, K3C_BRIDGE_NAME: 'env0', K3C_GROUP: 'env' };
    const config = await loadConfig({ group: 'flag' }, env, false);
    assert.deepEqual(
      [config.root, config.bridgeName, config.group, config.logLevel],
      ['/from/file', 'env0', 'flag', 'warn'],
    );
  });

  test('an address may be a unix URL', async () => {
    assert.equal(
      (await loadConfig({ address: 'unix:///x/y.sock', config: await file('') }, {}, false)).address,
      '/x/y.sock',
    );
  });

  for (const [size, bytes] of [
    ['20GB', 20e9],
    ['1.5g', 1.5e9],
    ['2GiB', 2 * 1024 ** 3],
    ['17', 17],
  ] as const) {
    test(`a size: ${size}`, async () => {
      const { buildCacheBytes } = await loadConfig({ 'build-cache': size, config: await file('') }, {}, false);
      assert.equal(buildCacheBytes, bytes);
    });
  }

  const refused: readonly (readonly [name: string, text: string, flags: Record<string, string>, sentence: RegExp])[] = [
    ['an unknown key', 'rooot: /x', {}, /unknown key "rooot" in .*; the keys are root, state/],
    ['a list', '- a', {}, /must hold keys and values/],
    ['what is not YAML', 'a: [', {}, /is not YAML/],
    ['a runtime without a path', '', { 'add-runtime': 'crun' }, /invalid runtime: "crun"; it takes NAME=PATH/],
    [
      'a runtime of a path that is relative',
      '',
      { 'add-runtime': 'c=bin/c' },
      /invalid runtime: "c=bin\/c"; .*absolute/,
    ],
    ['another runc', '', { 'add-runtime': 'runc=/x' }, /runtime name 'runc' is reserved/],
    ['two runtimes of a name', '', { 'add-runtime': 'a=/x,a=/y' }, /runtime a is registered twice/],
    ['a runtime of a bad name', '', { 'add-runtime': 'a b=/x' }, /invalid runtime: "a b=\/x"/],
    ['runtimes that are a list', 'runtimes: [a]', {}, /key "runtimes" in .* takes NAME: {path: PATH}/],
    [
      'a runtime with arguments',
      'runtimes: {a: {path: /x, runtimeArgs: [b]}}',
      {},
      /"runtimes" in .*: a takes path alone/,
    ],
    ['a nested value', 'root: {a: 1}', {}, /key "root" in .* takes one value/],
    ['an unknown level', '', { 'log-level': 'loud' }, /log-level is "loud"; it takes trace, debug, info, warn, error/],
    ['a bridge name that is too long', '', { 'bridge-name': 'sixteen-letters-' }, /1 to 15 characters/],
    ['a size without a number', '', { 'build-cache': 'much' }, /it takes a size such as 20GB/],
    ['an empty directory', '', { root: '' }, /root is empty; it takes a path/],
    ['an address that is no path', '', { address: 'tcp://0.0.0.0:2375' }, /it takes a path, .* unix sockets only/],
    ['a socket path that is too long', '', { address: `/${'x'.repeat(120)}` }, /longer than the 107 bytes/],
  ];
  for (const [name, text, flags, sentence] of refused) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(
        loadConfig({ config: await file(text), ...flags }, {}, false),
        (error) => error instanceof K3cError && sentence.test(error.message),
      );
    });
  }

  test('runtimes by flag and by file, as docker writes them', async () => {
    const flag = { 'add-runtime': 'crun=/usr/bin/crun,other=/x=y' };
    const byFlag = await loadConfig({ ...flag, config: await file('') }, {}, false);
    assert.deepEqual(byFlag.runtimes, { crun: '/usr/bin/crun', other: '/x=y' });
    const path = await file('runtimes:\n  crun: { path: /usr/bin/crun }\n  b: /b\nadd-runtime: [c=/c]\n');
    const byFile = await loadConfig({ config: path }, {}, false);
    assert.deepEqual(byFile.runtimes, { crun: '/usr/bin/crun', b: '/b', c: '/c' });
  });

  test('directories of CDI specifications', async () => {
    const read = async (text: string, flags = {}) =>
      (await loadConfig({ config: await file(text), ...flags }, {}, false)).cdiSpecDirs;
    assert.deepEqual(await read(''), ['/etc/cdi', '/var/run/cdi']);
    assert.deepEqual(await read('cdi-spec-dirs: [/a, /b]'), ['/a', '/b']);
    assert.deepEqual(await read('cdi-spec-dirs: [/a]', { 'cdi-spec-dirs': '/c' }), ['/c']);
  });

  test('a file that was named must exist', async () => {
    await assert.rejects(
      loadConfig({ config: join(directory, 'none') }, {}, false),
      /cannot read the configuration file/,
    );
  });

  test('every setting is a key of the file', async () => {
    for (const { key } of settings) {
      if (key === 'config') continue;
      await assert.doesNotReject(
        loadConfig({ config: await file(`${key}:`) }, {}, false).catch((error: K3cError) => {
          if (/unknown key/.test(error.message)) throw error;
        }),
      );
    }
  });
});
