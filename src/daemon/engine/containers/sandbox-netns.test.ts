import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { EngineContext } from './context.ts';
import { sampleRecord } from './samples.ts';
import { netnsOf } from './sandbox-netns.ts';

const record = sampleRecord({ sandboxId: 's0' });

function contextWith(answer: object | K3cError, own?: string) {
  const asked: unknown[] = [];
  const context = {
    network: { named: { pathOf: () => own } },
    containerd: {
      cri: {
        podSandboxStatus: async (request: unknown) => {
          asked.push(request);
          if (answer instanceof K3cError) throw answer;
          return { info: { info: JSON.stringify(answer) } };
        },
      },
      tasks: { get: () => assert.fail('by its process id') },
    },
    abandon: new AbortController().signal,
  } as unknown as EngineContext;
  return { context, asked };
}

const metadata = { Version: 'v1', Metadata: { NetNSPath: '/run/netns/cni-1' } };

test('a namespace is found by its name, ours before that of CRI, and never by a process', async () => {
  const { context, asked } = contextWith({ pid: 7, netNamespaceClosed: false, sandboxMetadata: metadata });
  assert.equal(await netnsOf(context, record), '/run/netns/cni-1');
  assert.deepEqual(asked, [{ podSandboxId: 's0', verbose: true }]);
  assert.equal(await netnsOf(contextWith({}, '/run/k3c/netns/a').context, record), '/run/k3c/netns/a');
});

test('that of a container which has ended is not there', async () => {
  const ended = (error: unknown) => hasCode(error, Code.FAILED_PRECONDITION);
  for (const answer of [{ netNamespaceClosed: true, sandboxMetadata: metadata }, new K3cError(Code.NOT_FOUND, 'gone')])
    await assert.rejects(netnsOf(contextWith(answer).context, record), ended);
  await assert.rejects(netnsOf(contextWith({ pid: 7 }).context, record), (error) => hasCode(error, Code.INTERNAL));
});
