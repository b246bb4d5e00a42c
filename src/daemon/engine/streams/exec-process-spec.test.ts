import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../../host/log.ts';
import { containerProcess, execProcessSpec, type OciProcess } from './exec-process-spec.ts';
import type { ExecOptions } from './types.ts';

const CAPS = ['CAP_CHOWN', 'CAP_KILL'];
const container: OciProcess = {
  terminal: true,
  consoleSize: { width: 1, height: 1 },
  user: { uid: 0, gid: 0, additionalGids: [10] },
  args: ['sleep', '1'],
  env: ['PATH=/bin', 'A=1', 'EMPTY='],
  cwd: '/srv',
  capabilities: { bounding: CAPS, effective: CAPS, permitted: CAPS },
  noNewPrivileges: true,
  oomScoreAdj: 500,
};

const spec = (options: Partial<ExecOptions>, from = container) =>
  execProcessSpec(
    from,
    { criId: 'c', execId: 'e', fifoDir: '/', args: ['true'], tty: false, stdin: false, log: silentLog, ...options },
    ['CAP_ALL'],
  );

test('an exec is the process of the container with another command', () => {
  assert.deepEqual(spec({}), {
    terminal: false,
    user: container.user,
    args: ['true'],
    env: container.env,
    cwd: '/srv',
    capabilities: container.capabilities,
    noNewPrivileges: true,
  });
});

test('variables replace those of their name and add to the rest', () => {
  const env = spec({ env: ['A=2', 'B=x=y', 'EMPTY=no'] }).env;
  assert.deepEqual(env, ['PATH=/bin', 'A=2', 'EMPTY=no', 'B=x=y']);
});

test('a terminal has a size and a TERM, unless one was given', () => {
  const process = spec({ tty: true, size: { width: 80, height: 24 } });
  assert.deepEqual(process.consoleSize, { width: 80, height: 24 });
  assert.ok(process.env?.includes('TERM=xterm'));
  assert.deepEqual(
    spec({ tty: true, env: ['TERM=vt100'] }).env?.filter((entry) => entry.startsWith('TERM')),
    ['TERM=vt100'],
  );
  assert.equal(spec({ size: { width: 80, height: 24 } }).consoleSize, undefined);
});

test('capabilities follow the user as an execve would have it', () => {
  const other = { uid: 1000, gid: 1000, additionalGids: [] };
  assert.deepEqual(spec({ user: other }).capabilities, { bounding: CAPS });
  const unprivileged: OciProcess = { ...container, user: other, capabilities: { bounding: CAPS } };
  assert.deepEqual(spec({}, unprivileged).capabilities, { bounding: CAPS });
  const root = { uid: 0, gid: 0, additionalGids: [] };
  assert.deepEqual(spec({ user: root }, unprivileged).capabilities, {
    bounding: CAPS,
    effective: CAPS,
    permitted: CAPS,
  });
  assert.deepEqual(spec({ user: other, privileged: true }).capabilities?.effective, ['CAP_ALL']);
});

test('the process is taken out of the spec of a container', () => {
  assert.deepEqual(containerProcess('c', Buffer.from('{"process":{"cwd":"/a"}}')), { cwd: '/a' });
  assert.throws(() => containerProcess('c', Buffer.from('{}')), /the OCI spec of container c has no process/);
});
