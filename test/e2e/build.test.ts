/** `build` on the packaged binary, as a user types it: by the warm daemon and by a process of its own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon?.stop());

for (const direct of [false, true]) {
  const mark = direct ? 'direct' : 'door';
  describe(direct ? 'build by a process of its own' : 'build through the front door', () => {
    let cwd: string;
    before(async () => {
      cwd = join(daemon.directory, mark);
      await mkdir(join(cwd, 'ctx/sub'), { recursive: true });
      await writeFile(join(cwd, 'ctx/keep'), `${mark}\n`);
      await writeFile(join(cwd, 'ctx/drop.log'), 'x');
      await writeFile(join(cwd, 'ctx/sub/kept.log'), 'x');
      await writeFile(join(cwd, 'ctx/.dockerignore'), '*.log\n.dockerignore\n');
      await writeFile(join(cwd, 'ctx/Dockerfile'), 'FROM busybox\nCOPY . /c\n');
      await writeFile(join(cwd, 'secret'), 'from a file');
      await writeFile(
        join(cwd, 'elsewhere'),
        `FROM busybox AS first
ARG WHO=nobody
RUN --mount=type=secret,id=f --mount=type=secret,id=e cat /run/secrets/f /run/secrets/e > /secrets; echo "$WHO" > /who
FROM first
RUN exit 9
`,
      );
    });
    const build = (args: readonly string[], options: { stdin?: string | Buffer; env?: Record<string, string> } = {}) =>
      daemon.k3c(['build', ...args], { ...options, cwd, direct });
    const shown = async (image: string, ...command: string[]) => daemon.ok(['run', '--rm', image, ...command]);

    test('a context beside us, without what is ignored; the image runs at once', async () => {
      const { code, stdout, stderr } = await build(['-q', '-t', `ctx-${mark}`, 'ctx']);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
      const files = (await shown(`ctx-${mark}`, 'find', '/c', '-type', 'f')).split('\n').sort();
      assert.deepEqual(files, ['/c/Dockerfile', '/c/keep', '/c/sub/kept.log']);
    });

    test('a Dockerfile elsewhere, a target, arguments, secrets from a file and our environment', async () => {
      const secrets = ['--secret', 'id=f,src=secret', '--secret', 'id=e,env=SECRET_OF_OURS'];
      const args = [
        '-f',
        'elsewhere',
        '--target',
        'first',
        '--build-arg',
        'WHO',
        ...secrets,
        '-t',
        `args-${mark}`,
        'ctx',
      ];
      const { code, stderr } = await build(args, { env: { WHO: mark, SECRET_OF_OURS: ' and ours' } });
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /from a file|and ours/);
      assert.equal(await shown(`args-${mark}`, 'cat', '/secrets', '/who'), `from a file and ours${mark}`);
    });

    test('from standard input: a Dockerfile, a tar, a Dockerfile beside a context', async () => {
      const plain = await build(['-q', '-t', `in-${mark}`, '-'], { stdin: `FROM busybox\nRUN echo ${mark} > /in\n` });
      assert.equal(plain.code, 0, plain.stderr);
      assert.equal(await shown(`in-${mark}`, 'cat', '/in'), mark);
      const archive = join(cwd, 'ctx.tgz');
      assert.equal((await run('tar', ['-czf', archive, '-C', join(cwd, 'ctx'), '.'])).code, 0);
      const tar = await build(['-q', '-t', `tar-${mark}`, '-'], { stdin: await readFile(archive) });
      assert.equal(tar.code, 0, tar.stderr);
      assert.equal(await shown(`tar-${mark}`, 'cat', '/c/keep'), mark);
      const beside = await build(['-q', '-t', `beside-${mark}`, '-f', '-', 'ctx'], {
        stdin: 'FROM busybox\nCOPY keep /k\n',
      });
      assert.equal(beside.code, 0, beside.stderr);
      assert.equal(await shown(`beside-${mark}`, 'cat', '/k'), mark);
    });

    test('outputs: a directory, a tar, our stdout, the id and the metadata', async () => {
      const stdin = 'FROM scratch\nCOPY keep /k\n';
      const made = ['-f', '-', 'ctx'];
      assert.equal((await build(['-o', 'out', ...made], { stdin })).code, 0);
      assert.deepEqual(await readdir(join(cwd, 'out')), ['k']);
      assert.equal((await build(['-o', 'type=tar,dest=out.tar', ...made], { stdin })).code, 0);
      assert.equal((await run('tar', ['-tf', join(cwd, 'out.tar')])).stdout, 'k\n');
      const piped = await build(['-o', '-', ...made], { stdin });
      assert.equal((await run('tar', ['-t'], { input: piped.stdout })).stdout, 'k\n');
      const files = ['--iidfile', 'iid', '--metadata-file', 'meta.json'];
      const { stdout } = await build(['-q', '-t', `meta-${mark}`, ...files, ...made], { stdin });
      assert.equal(`${await readFile(join(cwd, 'iid'), 'utf8')}\n`, stdout);
      const metadata = JSON.parse(await readFile(join(cwd, 'meta.json'), 'utf8')) as Record<string, unknown>;
      assert.equal(metadata['containerimage.config.digest'], stdout.trim());
      assert.equal(metadata['image.name'], `docker.io/library/meta-${mark}:latest`);
    });

    const failures: [title: string, args: string[], stdin: string, message: RegExp][] = [
      [
        'a step that fails',
        ['-'],
        `FROM busybox\nRUN echo ${mark}; echo why >&2; exit 3\n`,
        /------\n > \[2\/2\] RUN echo \w+; echo why >&2; exit 3:\n(\d\.\d+ .+\n){2}------\nDockerfile:2\n-+\n +1 \| +FROM busybox\n +2 \| >>> RUN .*\n +3 \|.*\n-+\nERROR: failed to build: failed to solve: process ".*" did not complete successfully: exit code: 3\n$/,
      ],
      [
        'a file that is not there',
        ['-f', '-', 'ctx'],
        'FROM busybox\nCOPY none /\n',
        /2 \| >>> COPY none \/\n(.*\n)*.*"\/none": not found\n$/,
      ],
      [
        'an unknown instruction',
        ['-'],
        'FROM busybox\nRUNN x\n',
        /ERROR: failed to build: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN \(did you mean RUN\?\)\n$/,
      ],
      ['an empty Dockerfile', ['-'], '', /ERROR: failed to build: failed to solve: the Dockerfile cannot be empty\n$/],
      [
        'no such Dockerfile',
        ['-f', 'none', 'ctx'],
        '',
        /failed to read dockerfile: open none: no such file or directory\n$/,
      ],
      ['no such context', ['none'], '', /^ERROR: failed to build: unable to prepare context: path "none" not found\n$/],
      ['no such target', ['--target', 'x', 'ctx'], '', /target stage "x" could not be found\n$/],
      ['a wrong name', ['-t', 'BAD', 'ctx'], '', /^ERROR: failed to build: invalid reference format: repository name/],
      [
        'a secret that is not there',
        ['--secret', 'id=a,src=none', 'ctx'],
        '',
        /^ERROR: failed to build: secret a: cannot read .*none\n$/,
      ],
      ['an unknown output', ['-o', 'type=x', 'ctx'], '', /^ERROR: failed to build: unknown output type "x"\nhint: /],
    ];
    for (const [title, args, stdin, message] of failures) {
      test(title, async () => {
        const { code, stdout, stderr } = await build(args, { stdin });
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, message);
      });
    }

    test('-q says what went wrong all the same', async () => {
      const { code, stdout, stderr } = await build(['-q', '-'], { stdin: 'FROM busybox\nRUN echo said; exit 4\n' });
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /ERROR: failed to build: failed to solve: process .* exit code: 4\n$/);
    });

    test('an interrupt ends what runs and leaves no image and no process', async () => {
      const name = `${mark}-interrupted`;
      const child = daemon.spawn(['build', '-t', name, '-'], { cwd, direct });
      child.stdin?.end(`FROM busybox\nRUN echo begun-${mark} && sleep 98765\n`);
      let log = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (new RegExp(`\\d begun-${mark}`).test(chunk.toString())) child.kill('SIGINT');
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 130, log);
      assert.match(log, /ERROR: failed to build: canceled\n$/);
      assert.equal(await daemon.ok(['images', '-q', name]), '');
      assert.equal((await run('pgrep', ['-f', '^sleep 98765$'])).stdout, '');
    });
  });
}

test('files that the warm daemon writes are as those of a process of its own', async () => {
  const cwd = join(daemon.directory, 'modes');
  await mkdir(cwd);
  await chmod(cwd, 0o755);
  const stats: string[] = [];
  for (const [name, direct] of [
    ['door', false],
    ['own', true],
  ] as const) {
    const options = {
      cwd,
      direct,
      stdin: 'FROM busybox\nRUN touch /f && chown 5:6 /f && chmod 640 /f\nFROM scratch\nCOPY --from=0 /f /f\n',
    };
    assert.equal((await daemon.k3c(['build', '-o', `${name}/out`, '--iidfile', `${name}.iid`, '-'], options)).code, 0);
    const { stdout } = await run('stat', ['-c', '%a %u %g', `${name}/out`, `${name}/out/f`, `${name}.iid`], { cwd });
    stats.push(stdout);
  }
  assert.equal(stats[0], stats[1]);
});
