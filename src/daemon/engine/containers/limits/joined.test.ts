import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Code } from '../../../../api/errors.ts';
import { openDatabase } from '../../../state/database.ts';
import { NO_ISOLATION } from '../../../state/spec.ts';
import { sampleRecord, sampleSpec } from '../samples.ts';
import { joinNamespaces } from './joined.ts';

const ID = 'ab'.repeat(32);
const SHM = { destination: '/dev/shm', type: 'bind', source: '/pods/1/shm' };

/** A container `web`, running or not, with this IPC mode and these mounts. */
function host(t: TestContext, running: boolean, ipcMode = 'shareable', mounts: object[] = [SHM], restarting = false) {
  const state = openDatabase(':memory:');
  t.after(() => state.close());
  const spec = sampleSpec({ isolation: { ...NO_ISOLATION, ipcMode } });
  state.containers.insert(sampleRecord({ id: ID, name: 'web', spec, state: restarting ? 'restarting' : 'exited' }));
  return {
    state,
    live: new Map(running ? [[ID, { criId: 'c0' }]] : []),
    containerd: {
      tasks: { get: () => Promise.resolve({ process: { pid: 42 } }) },
      containers: {
        get: () =>
          Promise.resolve({ container: { spec: { typeUrl: 't', value: Buffer.from(JSON.stringify({ mounts })) } } }),
      },
    },
  } as unknown as Parameters<typeof joinNamespaces>[0];
}

test('who shares nothing asks nobody', async (t) => {
  assert.deepEqual(await joinNamespaces(host(t, false), { pidMode: 'host', ipcMode: 'private' }), {});
});

test('namespaces are those of the process that runs now', async (t) => {
  assert.deepEqual(await joinNamespaces(host(t, true), { pidMode: `container:${ID}`, ipcMode: 'container:web' }), {
    pid: '/proc/42/ns/pid',
    ipc: { path: '/proc/42/ns/ipc', shm: '/pods/1/shm' },
  });
});

test('its shared memory may be the host’s or of yet another container', async (t) => {
  for (const mode of ['host', 'container:other']) {
    const { ipc } = await joinNamespaces(host(t, true, mode), { pidMode: '', ipcMode: 'container:web' });
    assert.equal(ipc?.shm, '/pods/1/shm');
  }
});

test('refused', async (t) => {
  const own = (ipcMode: string, mounts?: object[]) => host(t, true, ipcMode, mounts);
  const closed =
    'failed to join IPC namespace: container web: non-shareable IPC (hint: use IpcMode:shareable for the donor container)';
  const cases = [
    [host(t, false), 'PID', 'failed to join PID namespace: container web is not running', Code.FAILED_PRECONDITION],
    [
      host(t, false, '', [], true),
      'PID',
      'failed to join PID namespace: Container web is restarting, wait until the container is running',
      Code.FAILED_PRECONDITION,
    ],
    [own('private'), 'IPC', closed, Code.INVALID_ARGUMENT],
    [own('none'), 'IPC', closed, Code.INVALID_ARGUMENT],
    [own(''), 'IPC', closed, Code.INVALID_ARGUMENT],
    // A mount of its user's own at /dev/shm.
    [own('shareable', [{ ...SHM, type: 'tmpfs' }]), 'IPC', closed, Code.INVALID_ARGUMENT],
  ] as const;
  for (const [context, kind, message, code] of cases) {
    const modes = kind === 'PID' ? ['container:web', ''] : ['', 'container:web'];
    await assert.rejects(joinNamespaces(context, { pidMode: modes[0] ?? '', ipcMode: modes[1] ?? '' }), {
      message,
      code,
    });
  }
  await assert.rejects(joinNamespaces(host(t, true), { pidMode: 'container:nope', ipcMode: '' }), {
    message: 'failed to join PID namespace: No such container: nope',
    code: Code.INVALID_ARGUMENT,
  });
});
