import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cli } from '../../test/support/cli.ts';
import { Code, K3cError } from '../api/errors.ts';
import { commands } from './list.ts';

test('--version answers alone', async () => {
  for (const flag of ['--version', '-v']) {
    const { code, out, err } = await cli([flag]);
    assert.match(out, /^k3c version \d+\.\d+\.\d+, build \w+\n$/);
    assert.deepEqual([code, err], [0, '']);
  }
});

test('k3c alone, --help and help print the same', async () => {
  const [alone, flag, word] = await Promise.all([cli([]), cli(['--help']), cli(['help'])]);
  assert.equal(alone.code, 0);
  assert.match(alone.err, /^Usage: {2}k3c \[OPTIONS\] COMMAND\n/);
  assert.match(alone.err, /\n {2}ps {10}List containers\n/);
  assert.equal(flag.out, alone.err);
  assert.equal(word.out, alone.err);
});

test('every command loads and has help for each of its forms', async () => {
  for (const entry of commands) {
    for (const words of entry.words) {
      if (words === 'daemon') continue;
      const { code, out } = await cli([...words.split(' '), '--help']);
      assert.equal(code, 0, words);
      assert.ok(out.startsWith(`Usage:  k3c ${words}`), words);
      assert.ok(out.includes(entry.summary), words);
    }
  }
});

test('help of one command is docker’s layout', async () => {
  const { out } = await cli(['stop', '--help']);
  assert.equal(
    out,
    `Usage:  k3c stop [OPTIONS] CONTAINER [CONTAINER...]

Stop one or more running containers

Aliases:
  k3c container stop, k3c stop

Options:
  -s, --signal string   Signal to send to the container
  -t, --timeout int     Seconds to wait before killing the container
`,
  );
});

test('long descriptions are wrapped at the width of the terminal', async () => {
  const narrow = await cli(['rm', '--help'], { size: { columns: 60, rows: 20 } });
  assert.match(narrow.out, /\n {2}-f, --force {5}Force the removal of a running\n {18}container \(uses SIGKILL\)\n/);
  const wide = await cli(['rm', '--help'], { size: { columns: 200, rows: 20 } });
  assert.match(wide.out, /Force the removal of a running container \(uses SIGKILL\)\n/);
});

test('a group lists its commands', async () => {
  const { code, out } = await cli(['image', '--help']);
  // Without a command it is an answer to a mistake.
  assert.deepEqual(await cli(['image']).then(({ code: bare, err }) => [bare, err]), [0, out]);
  assert.equal(code, 0);
  assert.match(out, /^Usage: {2}k3c image COMMAND\n\nManage images\n/);
  assert.match(out, /\n {2}ls {10}List images\n/);
  assert.doesNotMatch(out, /images {5}/);
});

describe('what is wrong is said in docker’s words', () => {
  const cases: [argv: string[], code: number, err: string][] = [
    [
      ['ps', '--foo'],
      125,
      "unknown flag: --foo\n\nUsage:  k3c ps [OPTIONS]\n\nRun 'k3c ps --help' for more information\n",
    ],
    [
      ['container', 'ls', '-z'],
      125,
      "unknown shorthand flag: 'z' in -z\n\nUsage:  k3c container ls [OPTIONS]\n\nRun 'k3c container ls --help' for more information\n",
    ],
    [
      ['ps', 'x'],
      1,
      "k3c: 'k3c ps' accepts no arguments\n\nUsage:  k3c ps [OPTIONS]\n\nRun 'k3c ps --help' for more information\n",
    ],
    [
      ['rm'],
      1,
      "k3c: 'k3c rm' requires at least 1 argument\n\nUsage:  k3c rm [OPTIONS] CONTAINER [CONTAINER...]\n\nRun 'k3c rm --help' for more information\n",
    ],
    [
      ['tag', 'a'],
      1,
      "k3c: 'k3c tag' requires 2 arguments\n\nUsage:  k3c tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]\n\nRun 'k3c tag --help' for more information\n",
    ],
    [['foo'], 1, "k3c: unknown command: k3c foo\n\nRun 'k3c --help' for more information\n"],
    [
      ['container', 'foo'],
      1,
      "k3c: unknown command: k3c container foo\n\nUsage:  k3c container\n\nRun 'k3c container --help' for more information\n",
    ],
    [
      ['--foo', 'ps'],
      125,
      "unknown flag: --foo\n\nUsage:  k3c [OPTIONS] COMMAND [ARG...]\n\nRun 'k3c --help' for more information\n",
    ],
    [['help', 'foo'], 1, 'unknown help topic: foo\n'],
    [
      ['-H'],
      125,
      "flag needs an argument: -H\n\nUsage:  k3c [OPTIONS] COMMAND [ARG...]\n\nRun 'k3c --help' for more information\n",
    ],
    [
      ['ps', '--filter', 'x'],
      125,
      'invalid argument "x" for "-f, --filter" flag: bad format of filter (expected name=value)\n\nUsage:  k3c ps [OPTIONS]\n\nRun \'k3c ps --help\' for more information\n',
    ],
    [
      ['run', '-m', 'x', 'img'],
      125,
      `invalid argument "x" for "-m, --memory" flag: invalid size: 'x'\n\nUsage:  k3c run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'k3c run --help' for more information\n`,
    ],
    [
      ['run', '--rm', '--restart', 'always', 'img'],
      125,
      "k3c: conflicting options: cannot specify both --restart and --rm\n\nRun 'k3c run --help' for more information\n",
    ],
    [['run', '-d', '-a', 'stdout', 'img'], 1, 'conflicting options: cannot specify both --attach and --detach\n'],
    [['run', '-it', 'img'], 1, 'the input device is not a TTY\n'],
    [
      ['run', '--pull', 'often', 'img'],
      125,
      `k3c: invalid pull option: 'often': must be one of "always", "missing" or "never"\n\nRun 'k3c run --help' for more information\n`,
    ],
    [
      ['run', '--isolation', 'hyperv', 'img'],
      125,
      "unknown flag: --isolation\n\nUsage:  k3c run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'k3c run --help' for more information\n",
    ],
  ];
  for (const [argv, code, err] of cases) {
    test(argv.join(' '), async () => {
      const result = await cli(argv);
      assert.deepEqual([result.out, result.err, result.code], ['', err, code]);
    });
  }
});

describe('errors of the daemon', () => {
  const failing = (error: unknown) => ({ containers: { list: () => Promise.reject(error) } });
  test('are named as the daemon’s', async () => {
    const error = new K3cError(Code.INVALID_ARGUMENT, 'invalid filter', { remote: true, hint: 'try another' });
    const { code, err } = await cli(['ps'], { client: failing(error) });
    assert.deepEqual([code, err], [1, 'Error response from daemon: invalid filter\nhint: try another\n']);
  });
  test('are not, where it did not answer', async () => {
    const error = new K3cError(Code.UNAVAILABLE, 'cannot connect to the k3c daemon at /x', {
      reason: 'daemon-unreachable',
      hint: 'is it running?',
    });
    const { code, err } = await cli(['ps'], { client: failing(error) });
    assert.deepEqual([code, err], [1, 'cannot connect to the k3c daemon at /x\nhint: is it running?\n']);
  });
});

test('the address comes from the flag, then the environment, then the default', async () => {
  const { runCli } = await import('./program.ts');
  const { TestHost } = await import('../../test/support/cli.ts');
  const asked: string[] = [];
  const connect = (address: string) => {
    asked.push(address);
    return Promise.reject(new K3cError(Code.UNAVAILABLE, 'no'));
  };
  const withEnv = { env: { K3C_ADDRESS: 'unix:///from/env' } };
  await runCli(['-H', 'unix:///from/flag', 'ps'], new TestHost(withEnv), { connect });
  await runCli(['--address=/from/flag2', 'ps'], new TestHost(withEnv), { connect });
  await runCli(['ps'], new TestHost(withEnv), { connect });
  await runCli(['ps'], new TestHost({}), { connect });
  assert.deepEqual(asked, ['/from/flag', '/from/flag2', '/from/env', '/run/k3c/k3c.sock']);
});

test('a command that is stopped exits with its signal', async () => {
  const { runOn, TestHost } = await import('../../test/support/cli.ts');
  const host = new TestHost({});
  const list = (_request: object, { signal }: { signal: AbortSignal }) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new K3cError(Code.CANCELLED, 'canceled'))),
    );
  const ended = runOn(host, ['ps'], { containers: { list } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  host.kill('SIGINT');
  assert.equal(await ended, 130);
  assert.equal(host.err.toString(), '');
});

test('the daemon’s flags are the ones it lends', async () => {
  const { runCli } = await import('./program.ts');
  const { TestHost } = await import('../../test/support/cli.ts');
  let given: object | undefined;
  const daemon = () =>
    Promise.resolve({
      settings: [
        { key: 'bridge-name', value: 'NAME', help: 'the bridge' },
        { key: 'dirs', value: 'DIR', help: 'several', list: true },
      ],
      run: (flags: object) => {
        given = flags;
        return Promise.resolve(7);
      },
    });
  assert.equal(await runCli(['daemon', '--bridge-name', 'br9'], new TestHost({}), { daemon }), 7);
  assert.deepEqual(given, { 'bridge-name': 'br9' });
  const several = ['--bridge-name', 'a', '--bridge-name', 'b', '--dirs', '/a', '--dirs=/b,/c'];
  await runCli(['daemon', ...several], new TestHost({}), { daemon });
  assert.deepEqual(given, { 'bridge-name': 'b', dirs: '/a,/b,/c' });
  const host = new TestHost({});
  assert.equal(await runCli(['daemon', '--help'], host, { daemon }), 0);
  assert.match(host.out.toString(), /--bridge-name NAME {3}the bridge\n/);
});
