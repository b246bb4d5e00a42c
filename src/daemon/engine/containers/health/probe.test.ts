import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, K3cError } from '../../../../api/errors.ts';
import { silentLog } from '../../../../host/log.ts';
import type { ExecOptions, ExecProcess, OutputChunk } from '../../streams/types.ts';
import type { EngineContext, LiveContainer } from '../context.ts';
import { goDuration, runProbe } from './probe.ts';
import { Slots } from './slots.ts';

const live = { id: 'id', criId: 'cri' } as LiveContainer;
const check = { command: ['sh', '-c', 'x'], interval: 1, timeout: 20e6, startPeriod: 0, startInterval: 1, retries: 3 };

/** A context whose execs do as the script says. */
function rig(script: (options: ExecOptions) => Partial<ExecProcess> | Promise<never>, timeout = check.timeout) {
  const told: string[] = [];
  const context = {
    containerd: { tasks: { deleteProcess: async () => void told.push('deleted') } },
    streams: {
      startExec: async (_containerd: unknown, options: ExecOptions) => {
        assert.equal(options.criId, 'cri');
        return (await script(options)) as ExecProcess;
      },
    },
    paths: { fifos: '/fifos' },
    probeSlots: new Slots(1),
    log: silentLog,
    now: () => 7n,
    announce: (_id: string, action: string, attributes: Record<string, string>) =>
      void told.push(attributes['exitCode'] === undefined ? action : `${action} ${attributes['exitCode']}`),
  } as unknown as EngineContext;
  return {
    told,
    run: (stopping = new AbortController().signal) => runProbe(context, live, { ...check, timeout }, stopping),
  };
}

async function* output(...parts: string[]): AsyncGenerator<OutputChunk> {
  for (const part of parts) yield { stream: 'stdout', data: Buffer.from(part) };
}

const attached = (chunks: AsyncIterable<OutputChunk>, detach: () => void = () => undefined) => ({
  output: chunks,
  writeStdin: () => Promise.resolve(),
  endStdin: () => undefined,
  detach,
});

describe('one run', () => {
  test('its exit code and its output', async () => {
    const { told, run } = rig(() => ({ attachment: attached(output('a\n', 'b\n')), exited: Promise.resolve(3) }));
    assert.deepEqual(await run(), { start: 7n, end: 7n, exitCode: 3, output: 'a\nb\n' });
    assert.deepEqual(told, ['exec_create: sh -c x', 'exec_start: sh -c x', 'exec_die 3']);
  });

  test('the output is cut at 4096 bytes, and all of it is read', async () => {
    let read = 0;
    async function* much(): AsyncGenerator<OutputChunk> {
      for (; read < 5; read++) yield { stream: 'stderr', data: Buffer.alloc(1000, 'x') };
    }
    const { run } = rig(() => ({ attachment: attached(much()), exited: Promise.resolve(0) }));
    assert.equal((await run())?.output, `${'x'.repeat(4096)}...`);
    assert.equal(read, 5);
  });

  test('one that takes too long is killed', async () => {
    const exit = Promise.withResolvers<number>();
    const ended = Promise.withResolvers<void>();
    async function* silent(): AsyncGenerator<OutputChunk> {
      yield { stream: 'stdout', data: Buffer.from('so far') };
      await ended.promise;
    }
    const killed: number[] = [];
    const { told, run } = rig(() => ({
      attachment: attached(silent(), () => ended.resolve()),
      exited: exit.promise,
      kill: async (signal) => {
        killed.push(signal);
        exit.resolve(137);
      },
    }));
    assert.deepEqual(await run(), {
      start: 7n,
      end: 7n,
      exitCode: -1,
      output: 'Health check exceeded timeout (20ms): so far',
    });
    assert.deepEqual([killed, told.at(-1)], [[9], 'exec_die 137']);
  });

  test('a timeout of years is not over at once', async () => {
    const { run } = rig(
      () => ({ attachment: attached(output()), exited: new Promise((resolve) => setTimeout(() => resolve(0), 20)) }),
      1e18,
    );
    assert.equal((await run())?.exitCode, 0);
  });

  test('one that cannot start is a failure with its reason', async () => {
    const { told, run } = rig(() => Promise.reject(new K3cError(Code.INVALID_ARGUMENT, 'sh: not found')));
    assert.deepEqual(await run(), { start: 7n, end: 7n, exitCode: -1, output: 'sh: not found' });
    assert.deepEqual(told, ['exec_create: sh -c x']);
  });

  test('a container that is ending, and a containerd that is being restarted, say nothing of health', async () => {
    const ending = new K3cError(Code.FAILED_PRECONDITION, 'not running', { reason: 'container-not-running' });
    for (const error of [ending, new K3cError(Code.UNAVAILABLE, 'gone')])
      assert.equal(await rig(() => Promise.reject(error)).run(), undefined);
  });

  test('one that is killed along with its container says nothing', async () => {
    const stopping = new AbortController();
    const gone = () => Promise.reject(new K3cError(Code.NOT_FOUND, 'no such process'));
    const { run } = rig(() => ({ attachment: attached(output()), exited: Promise.resolve(137), kill: gone }));
    const done = run(stopping.signal);
    setTimeout(() => stopping.abort(), 20);
    assert.equal(await done, undefined);
    const killed = rig(() => ({ attachment: attached(output()), exited: Promise.resolve(137) }));
    assert.equal((await killed.run())?.exitCode, 137);
  });

  test('a stop kills it and waits for its end', async () => {
    const stopping = new AbortController();
    const exit = Promise.withResolvers<number>();
    const { told, run } = rig(() => {
      queueMicrotask(() => stopping.abort());
      return {
        attachment: attached(output()),
        exited: exit.promise,
        kill: async () => exit.resolve(137),
      };
    });
    assert.equal(await run(stopping.signal), undefined);
    assert.equal(await exit.promise, 137);
    assert.equal(told.at(-1), 'deleted');
  });
});

test('durations as Go prints them', () => {
  const cases: [number, string][] = [
    [30e9, '30s'],
    [1.5e9, '1.5s'],
    [300e6, '300ms'],
    [60e9, '1m0s'],
    [3600e9, '1h0m0s'],
    [5430e9, '1h30m30s'],
    [1500, '1.5µs'],
    [7, '7ns'],
  ];
  for (const [nanoseconds, text] of cases) assert.equal(goDuration(nanoseconds), text);
});
