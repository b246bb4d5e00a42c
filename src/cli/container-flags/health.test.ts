import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create as createAsked } from '../../../test/support/cli.ts';

async function create(...flags: string[]) {
  const { spec, ...result } = await createAsked(...flags);
  return { ...result, health: spec?.health };
}

const nothing = { test: [], interval: 0n, timeout: 0n, startPeriod: 0n, startInterval: 0n, retries: 0 };

describe('health flags', () => {
  test('none', async () => {
    assert.deepEqual(await create().then(({ code, health }) => [code, health]), [0, undefined]);
    assert.equal((await create('--health-interval', '0s')).health, undefined);
    assert.equal((await create('--no-healthcheck=false')).health, undefined);
  });

  test('all', async () => {
    const { health } = await create(
      ...['--health-cmd', 'curl -f localhost', '--health-interval', '1m30s', '--health-timeout=3s'],
      ...['--health-retries', '2', '--health-start-period', '1.5s', '--health-start-interval', '100ms'],
    );
    assert.deepEqual(health, {
      test: ['CMD-SHELL', 'curl -f localhost'],
      interval: 90_000_000_000n,
      timeout: 3_000_000_000n,
      startPeriod: 1_500_000_000n,
      startInterval: 100_000_000n,
      retries: 2,
    });
    assert.deepEqual((await create('--health-retries', '5')).health, { ...nothing, retries: 5 });
    assert.deepEqual((await create('--no-healthcheck')).health, { ...nothing, test: ['NONE'] });
  });

  const refused: [flags: string[], sentence: string][] = [
    [['--no-healthcheck', '--health-cmd', 'true'], 'k3c: --no-healthcheck conflicts with --health-* options'],
    [['--no-healthcheck', '--health-retries', '1'], 'k3c: --no-healthcheck conflicts with --health-* options'],
    [['--health-interval', '-1s'], 'k3c: --health-interval cannot be negative'],
    [['--health-timeout', '-1s'], 'k3c: --health-timeout cannot be negative'],
    [['--health-retries', '-1'], 'k3c: --health-retries cannot be negative'],
    [['--health-start-period', '-1s'], 'k3c: --health-start-period cannot be negative'],
    [['--health-start-interval', '-1s'], 'k3c: --health-start-interval cannot be negative'],
    [
      ['--health-interval', '1'],
      'invalid argument "1" for "--health-interval" flag: time: missing unit in duration "1"',
    ],
    [
      ['--health-retries', 'x'],
      'invalid argument "x" for "--health-retries" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
  ];
  for (const [flags, sentence] of refused) {
    test(flags.join(' '), async () => {
      const { code, err, health } = await create(...flags);
      assert.deepEqual([code, err.split('\n')[0], health], [125, sentence, undefined]);
    });
  }
});
