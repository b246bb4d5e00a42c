/** What is said about wrong input: docker's sentences, on stderr, with docker's exit codes. Read beside docker 28.2. */
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, run as execute } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await mkdir(join(daemon.directory, 'dir'));
  await writeFile(join(daemon.directory, 'text'), 'not a tar, '.repeat(100));
  await daemon.ok(['run', '-d', '--name', 'up', 'busybox', 'sleep', '1000']);
  await daemon.ok(['run', '--name', 'down', 'busybox', 'echo', 'hello']);
});
after(() => daemon?.stop());

type Case = readonly [line: string, code: number, stderr: string | RegExp];

/** Runs command lines in the test's directory; nothing may go to stdout. */
function table(title: string, cases: readonly Case[], stdout = ''): void {
  describe(title, () => {
    for (const [line, expected, message] of cases) {
      test(line, async () => {
        const argv = line.split(' ').map((word) => (word === "''" ? '' : word));
        const result = await daemon.k3c(argv, { cwd: daemon.directory });
        assert.equal(result.stdout, stdout);
        if (typeof message === 'string') assert.equal(result.stderr, message);
        else assert.match(result.stderr, message);
        assert.equal(result.code, expected);
      });
    }
  });
}

const help = (command: string) => `\n\nRun 'k3c ${command}--help' for more information\n`;
const run = (sentence: string) => `k3c: ${sentence}${help('run ')}`;
const fromDaemon = (sentence: string) => `Error response from daemon: ${sentence}\n`;

table('the command line', [
  ['bogus', 1, `k3c: unknown command: k3c bogus${help('')}`],
  ['container bogus', 1, `k3c: unknown command: k3c container bogus\n\nUsage:  k3c container${help('container ')}`],
  ['--bogus', 125, `unknown flag: --bogus\n\nUsage:  k3c [OPTIONS] COMMAND [ARG...]${help('')}`],
  ['ps --bogus', 125, `unknown flag: --bogus\n\nUsage:  k3c ps [OPTIONS]${help('ps ')}`],
  ['ps -qZ', 125, `unknown shorthand flag: 'Z' in -Z\n\nUsage:  k3c ps [OPTIONS]${help('ps ')}`],
  ['ps extra', 1, `k3c: 'k3c ps' accepts no arguments\n\nUsage:  k3c ps [OPTIONS]${help('ps ')}`],
  [
    'container ls -n x',
    125,
    /^invalid argument "x" for "-n, --last" flag: .*\n\nUsage: {2}k3c container ls \[OPTIONS\]\n/,
  ],
  ['exec up', 1, /^k3c: 'k3c exec' requires at least 2 arguments\n\nUsage: {2}k3c exec \[OPTIONS\] CONTAINER COMMAND/],
  ['tag busybox', 1, /^k3c: 'k3c tag' requires 2 arguments\n/],
  [
    'run --name',
    125,
    /^flag needs an argument: --name\n\nUsage: {2}k3c run \[OPTIONS\] IMAGE \[COMMAND\] \[ARG...\]\n/,
  ],
  ['run --isolation hyperv busybox', 125, /^unknown flag: --isolation\n/],
]);

table('run', [
  ['run -p 99999:80 busybox', 125, run('invalid hostPort: 99999')],
  ['run -p abc busybox', 125, run('invalid containerPort: abc')],
  ['run -p 1:2:3:4 busybox', 125, run('invalid IP address: 1:2')],
  ['run -p 80:80/xxx busybox', 125, run('invalid proto: xxx')],
  ['run -v /a:/b:/c:/d busybox', 125, run('invalid spec: /a:/b:/c:/d: too many colons')],
  ['run -v /a::/b busybox', 125, run('invalid spec: /a::/b: empty section between colons')],
  ['run -v /tmp:/x:zz busybox', 125, /invalid mode: zz/],
  ['run -v b@d:/x busybox', 125, /"b@d" includes invalid characters for a local volume name/],
  [
    'run --mount type=bind,source=/tmp busybox',
    125,
    /^invalid argument "type=bind,source=\/tmp" for "--mount" flag: target is required\n\nUsage/,
  ],
  ['run --mount target=/x,foo=bar busybox', 125, /flag: unexpected key 'foo' in 'foo=bar'\n/],
  ['run --rm --restart always busybox', 125, run('conflicting options: cannot specify both --restart and --rm')],
  [
    'run --restart on-failure:x busybox',
    125,
    run('invalid restart policy format: maximum retry count must be an integer'),
  ],
  ['run -d -a stdout busybox', 1, 'conflicting options: cannot specify both --attach and --detach\n'],
  ['run -it busybox', 1, 'the input device is not a TTY\n'],
  ['run -m 1 busybox', 125, run('Error response from daemon: Minimum memory limit allowed is 6MB')],
  ['run -m abc busybox', 125, /^invalid argument "abc" for "-m, --memory" flag: invalid size: 'abc'\n/],
  ['run --cpus 1000 busybox', 125, /range of CPUs is from 0\.01 to \d+\.00, as there are only \d+ CPUs available\n/],
  ['run --env-file none busybox', 125, run('open none: no such file or directory')],
  ['run --env-file dir busybox', 125, run('read dir: is a directory')],
  ['run --pull foo busybox', 125, /invalid pull option: 'foo': must be one of "always", "missing" or "never"/],
  ['run --pull never none', 125, run('Error response from daemon: No such image: none:latest')],
  ['run BUSYBOX', 125, /^k3c: invalid reference format: repository name \(library\/BUSYBOX\) must be lowercase\n/],
  ['run busybox:bad:tag', 125, /^k3c: invalid reference format\n/],
  ["run --entrypoint '' busybox", 125, /no command specified/],
  [
    'run -u ghost busybox id',
    125,
    run('Error response from daemon: unable to find user ghost: no matching entries in passwd file'),
  ],
  [
    'run -u 0:ghost busybox id',
    125,
    run('Error response from daemon: unable to find group ghost: no matching entries in group file'),
  ],
  ['run --network mine busybox', 125, run('Error response from daemon: network mine not found')],
  ['run --network container:none busybox', 125, run('Error response from daemon: No such container: none')],
  [
    'run --cidfile text busybox true',
    125,
    /^k3c: container ID file found, make sure the other container isn't running or delete text/,
  ],
]);

table('containers', [
  ['ps -f foo=bar', 1, fromDaemon("invalid filter 'foo'")],
  [
    'ps -f name',
    125,
    /^invalid argument "name" for "-f, --filter" flag: bad format of filter \(expected name=value\)\n/,
  ],
  ['ps --format {{.Names', 1, 'failed to parse template: template: :1: unclosed action\n'],
  [
    'ps --format {{.Nope}}',
    1,
    `failed to execute template: template: :1:2: executing "" at <.Nope>: can't evaluate field Nope in type *formatter.ContainerContext\n`,
  ],
  ['logs none', 1, fromDaemon('No such container: none')],
  ['logs --since foo down', 1, /^invalid value for "since": failed to parse value as time or duration: "foo"\n/],
  ['start none', 1, `${fromDaemon('No such container: none')}Error: failed to start containers: none\n`],
  ['start -a up down', 1, 'you cannot start and attach multiple containers at once\n'],
  ['stop none', 1, fromDaemon('No such container: none')],
  ['kill down', 1, /^Error response from daemon: cannot kill container: down: container [0-9a-f]{64} is not running\n/],
  ['kill -s FOO up', 1, /^Error response from daemon: invalid signal: FOO\n/],
  ['restart none', 1, fromDaemon('No such container: none')],
  ['wait none', 1, fromDaemon('No such container: none')],
  [
    'rm up',
    1,
    fromDaemon(
      'cannot remove container "/up": container is running: stop the container before removing or force remove',
    ),
  ],
  ['rm -f none', 0, fromDaemon('No such container: none')],
  ['exec none true', 1, fromDaemon('No such container: none')],
  ['exec down true', 1, /^Error response from daemon: container [0-9a-f]{64} is not running\n/],
  ['exec up nosuch', 127, /exec: "nosuch": executable file not found in \$PATH\n/],
  ['exec up /etc', 126, /exec: "\/etc": is a directory\n/],
  ['exec -w /none up pwd', 126, /chdir to cwd \("\/none"\) .* no such file or directory\n/],
  ['exec -w rel up pwd', 126, /Cwd must be an absolute path\n/],
  ['exec -u ghost up id', 126, fromDaemon('unable to find user ghost: no matching entries in passwd file')],
  ['exec -it up sh', 1, 'the input device is not a TTY\n'],
  ['attach down', 1, 'cannot attach to a stopped container, start it first\n'],
  [
    'inspect --type foo up',
    1,
    'unknown type: "foo": must be one of "container", "image", "network", "volume", "pod"\n',
  ],
]);

table(
  'inspect of nothing',
  [
    ['inspect nosuch', 1, 'Error: No such object: nosuch\n'],
    ['container inspect none', 1, fromDaemon('No such container: none')],
    ['image inspect none', 1, fromDaemon('No such image: none:latest')],
  ],
  '[]\n',
);

table('images', [
  ['images -f foo=bar', 1, /^Error response from daemon: invalid filter 'foo'\nhint: /],
  ['tag none a:b', 1, fromDaemon('No such image: none:latest')],
  [
    'tag busybox BAD',
    1,
    'Error parsing reference: "BAD" is not a valid repository/tag: invalid reference format: repository name (library/BAD) must be lowercase\n',
  ],
  ['rmi none', 1, fromDaemon('No such image: none:latest')],
  ['rmi -f none', 0, fromDaemon('No such image: none:latest')],
  [
    'rmi busybox',
    1,
    /^Error response from daemon: conflict: unable to remove repository reference "busybox:latest" \(must force\) - container/,
  ],
  ['pull BAD', 1, /^invalid reference format: repository name \(library\/BAD\) must be lowercase\n/],
  ['load -i none', 1, 'open none: no such file or directory\n'],
  ['load -i dir', 1, 'read dir: is a directory\n'],
  ['load -i text', 1, /^Error response from daemon: cannot load the archive: archive\/tar: invalid tar header\nhint: /],
  ['import dir', 1, 'read dir: is a directory\n'],
  ['import text x', 1, fromDaemon('cannot unpack the tar: archive/tar: invalid tar header')],
]);

describe('no way to the daemon', () => {
  const nowhere = ['-H', '/none/k3c.sock'];
  const sentence =
    'cannot connect to the k3c daemon at /none/k3c.sock\nhint: is it running? start it with: k3c daemon\n';
  for (const [line, expected, message] of [
    ['ps', 1, sentence],
    ['run busybox', 125, `k3c: ${sentence}`],
    ['exec up true', 1, sentence],
    ['build .', 1, `ERROR: failed to build: ${sentence}`],
    ['rm -f a b', 1, sentence],
  ] as const) {
    test(line, async () => {
      const { code, stdout, stderr } = await execute(binary, [...nowhere, ...line.split(' ')], {
        cwd: daemon.directory,
      });
      assert.deepEqual([code, stdout, stderr], [expected, '', message]);
    });
  }

  test('version says what it knows', async () => {
    const { code, stdout, stderr } = await execute(binary, [...nowhere, 'version']);
    assert.equal(code, 1);
    assert.match(stdout, /^Client:\n Version: +\d/);
    assert.doesNotMatch(stdout, /Server/);
    assert.equal(stderr, sentence);
  });

  test('another user is told what would help', async () => {
    await chmod(daemon.directory, 0o755);
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    // A home of their own: root's configuration is not theirs to read, which docker warns of, and so do we.
    const command = ['env', 'HOME=/nonexistent', binary, '-H', daemon.address, 'ps'];
    const { code, stdout, stderr } = await execute('setpriv', [...nobody, ...command]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^permission denied on the k3c socket .*\nhint: run as root or join the group .*\n$/);
  });
});

test('an image without a name is shown as docker shows it', async () => {
  const id = await daemon.ok(['build', '-q', '-'], { stdin: 'FROM busybox\nLABEL a=b\n' });
  const short = id.slice('sha256:'.length, 'sha256:'.length + 12);
  const format = ['--format', '{{.Repository}} {{.Tag}} {{.ID}}'];
  assert.equal(await daemon.ok(['images', '-f', 'dangling=true', ...format]), `<none> <none> ${short}`);
  await daemon.ok(['tag', short, 'named:1']);
  assert.equal(await daemon.ok(['images', '-f', 'label=a', ...format]), `named 1 ${short}`);
  assert.match(await daemon.ok(['rmi', 'named:1']), new RegExp(`^Untagged: named:1\nDeleted: ${id}`));
  assert.equal(await daemon.ok(['images', '-q', '-f', 'label=a']), '');
});
