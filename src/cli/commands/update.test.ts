import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import { Resources } from '../../api/gen/k3c.ts';

function updating() {
  const asked: unknown[] = [];
  const update = (request: { container: string }) => {
    asked.push(request);
    if (request.container === 'x')
      return Promise.reject(new K3cError(Code.NOT_FOUND, 'No such container: x', { remote: true }));
    return Promise.resolve({ warnings: [`of ${request.container}`] });
  };
  return { asked, client: { containers: { update } } };
}

test('every container is tried, names and then warnings go to stdout', async () => {
  const { asked, client } = updating();
  const { code, out, err } = await cli(['update', '-m', '64m', '--restart', 'on-failure:3', 'a', 'x', 'b'], { client });
  assert.deepEqual([code, out], [1, 'a\nb\nof a\nof b\n']);
  assert.equal(err, 'Error response from daemon: No such container: x\n');
  assert.deepEqual(
    asked,
    ['a', 'x', 'b'].map((container) => ({
      container,
      resources: Resources.fromPartial({ memoryBytes: 64n << 20n }),
      restart: { name: 'on-failure', maximumRetryCount: 3 },
    })),
  );
});

test('limits alone leave the restart policy as it is', async () => {
  const { asked, client } = updating();
  assert.equal((await cli(['update', '--pids-limit', '-1', 'a'], { client })).code, 0);
  assert.deepEqual(asked, [
    { container: 'a', resources: Resources.fromPartial({ pidsLimit: -1n }), restart: undefined },
  ]);
});

describe('refused', () => {
  for (const [argv, message] of [
    [['a'], 'you must provide one or more flags when using this command\n'],
    [['--restart', 'sometimes', 'a'], "invalid restart policy: unknown policy 'sometimes'"],
    [['--restart', 'always:3', 'a'], "maximum retry count can only be used with 'on-failure'"],
    [['--ulimit', 'nofile=1', 'a'], 'unknown flag: --ulimit'],
    [
      ['--cpu-shares', 'x', 'a'],
      'invalid argument "x" for "-c, --cpu-shares" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [['--blkio-weight', '70000', 'a'], 'strconv.ParseUint: parsing "70000": value out of range'],
  ] as const) {
    test(argv.join(' '), async () => {
      const { asked, client } = updating();
      const { code, err } = await cli(['update', ...argv], { client });
      assert.notEqual(code, 0);
      assert.ok(err.includes(message), err);
      assert.equal(asked.length, 0);
    });
  }
});
