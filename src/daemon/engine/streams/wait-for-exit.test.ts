import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { ContainerState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { waitForExit } from './wait-for-exit.ts';

type Services = Parameters<typeof waitForExit>[0];
type Answer = object | Code | 'never';

/** Answers each call with the next of its list: a message, an error by its code, or none until it is cancelled. */
function services(wait: Answer[], status: Answer[]): Services & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = (name: string, answers: Answer[]) => (_: unknown, options?: { signal?: AbortSignal }) => {
    asked.push(name);
    const next = answers.shift() ?? Code.INTERNAL;
    if (typeof next === 'object') return Promise.resolve(next);
    if (next !== 'never') return Promise.reject(new K3cError(next, name));
    return new Promise((_resolve, reject) => {
      options?.signal?.addEventListener('abort', () => reject(new K3cError(Code.CANCELLED, 'canceled')));
    });
  };
  const fake = { asked, tasks: { wait: answer('wait', wait) }, cri: { containerStatus: answer('status', status) } };
  return fake as unknown as Services & { readonly asked: string[] };
}

const signal = new AbortController().signal;
const waited = (exitStatus: number) => ({ exitStatus, exitedAt: { seconds: 5n, nanos: 7 } });
const exited = (exitCode: number, reason: string) => ({ status: { state: 2, exitCode, finishedAt: 9n, reason } });
const running = { status: { state: 1 } };

test('Tasks.Wait alone answers for most', async () => {
  const fake = services([waited(3)], []);
  assert.deepEqual(await waitForExit(fake, 'c', signal), {
    exitCode: 3,
    exitedAt: 5_000_000_007n,
    oomKilled: false,
    reason: '',
  });
  assert.deepEqual(fake.asked, ['wait']);
});

test('what Wait cannot know CRI is asked until it does', async () => {
  for (const code of [Code.NOT_FOUND, Code.UNKNOWN]) {
    const fake = services([code], [running, Code.UNAVAILABLE, exited(4, 'Error')]);
    const exit = await waitForExit(fake, 'c', signal);
    assert.deepEqual(exit, { exitCode: 4, exitedAt: 9n, oomKilled: false, reason: 'Error' });
    assert.deepEqual(fake.asked, ['wait', 'status', 'status', 'status']);
  }
});

test('a containerd that restarts is asked again', async () => {
  const fake = services([Code.UNAVAILABLE, Code.UNAVAILABLE, waited(0)], []);
  assert.equal((await waitForExit(fake, 'c', signal)).exitCode, 0);
  assert.deepEqual(fake.asked, ['wait', 'wait', 'wait']);
});

test('after a SIGKILL CRI says whether it was for memory', async () => {
  const oom = await waitForExit(services([waited(137)], [running, exited(137, 'OOMKilled')]), 'c', signal);
  assert.deepEqual([oom.exitCode, oom.oomKilled, oom.exitedAt], [137, true, 5_000_000_007n]);
  const killed = await waitForExit(services([waited(137)], [exited(137, 'Error')]), 'c', signal);
  assert.equal(killed.oomKilled, false);
  const removed = await waitForExit(services([waited(137)], [Code.NOT_FOUND]), 'c', signal);
  assert.deepEqual([removed.exitCode, removed.oomKilled], [137, false]);
});

test('after a SIGKILL of ours nobody is asked', async () => {
  const fake = services([waited(137)], []);
  assert.deepEqual(await waitForExit(fake, 'c', signal, () => true), {
    exitCode: 137,
    exitedAt: 5_000_000_007n,
    oomKilled: false,
    reason: '',
  });
  assert.deepEqual(fake.asked, ['wait']);
});

test('of a container that CRI has lost sight of it is not asked twice', async () => {
  const unknown = { status: { state: ContainerState.CONTAINER_UNKNOWN } };
  const killed = await waitForExit(services([waited(137)], [unknown]), 'c', signal);
  assert.deepEqual([killed.exitCode, killed.oomKilled], [137, false]);
  const lost = waitForExit(services([Code.NOT_FOUND], [unknown]), 'c', signal);
  await assert.rejects(lost, (error) => hasCode(error, Code.NOT_FOUND));
});

test('a container that was removed is not found', async () => {
  const wait = waitForExit(services([Code.NOT_FOUND], [Code.NOT_FOUND]), 'c', signal);
  await assert.rejects(wait, (error) => hasCode(error, Code.NOT_FOUND));
});

test('cancelled, whatever it waits for', async () => {
  for (const [wait, status] of [
    [['never'], []],
    [[Code.UNAVAILABLE, 'never'], []],
    [[Code.NOT_FOUND], ['never']],
    [[Code.NOT_FOUND], [running, running, running, running, running, running]],
  ] as [Answer[], Answer[]][]) {
    const cancel = new AbortController();
    const waiting = waitForExit(services(wait, status), 'c', cancel.signal);
    setTimeout(() => cancel.abort(), 5);
    await assert.rejects(waiting, (error) => hasCode(error, Code.CANCELLED));
  }
});
