import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkNamespace } from './network-side.ts';
import type { OciSpec } from './oci-spec.ts';
import { patchSpec } from './patch-spec.ts';

const oci = (): OciSpec => ({
  process: { args: ['x'], env: ['FROM=cri'], cwd: '/', user: { uid: 0, gid: 0 }, noNewPrivileges: false },
  mounts: [
    { destination: '/proc', type: 'proc' },
    { destination: '/a/b', type: 'bind' },
    { destination: '/t', type: 'bind' },
  ],
  linux: {
    namespaces: [{ type: 'pid' }, { type: 'network', path: '/proc/1/ns/net' }, { type: 'uts', path: '/proc/1/ns/uts' }],
    maskedPaths: ['/proc/kcore'],
  },
  extra: 1,
});
const patched = (network: NetworkNamespace, over: Partial<Parameters<typeof patchSpec>[1]> = {}) => {
  const spec = oci();
  patchSpec(spec, {
    args: ['sh'],
    env: ['A=1'],
    hostname: 'box',
    domainname: '',
    network,
    shared: false,
    console: undefined,
    tmpfs: [],
    annotations: {},
    ...over,
  });
  return spec;
};

test('arguments, environment and terminal size are ours, the rest stays', () => {
  const spec = patched('pod', { console: { height: 3, width: 4 } });
  assert.deepEqual(
    [spec.process.args, spec.process.env, spec.process.consoleSize],
    [['sh'], ['A=1'], { height: 3, width: 4 }],
  );
  assert.deepEqual(spec.linux, oci().linux);
  assert.equal(spec['extra'], 1);
});

test('annotations of the user are there, beside those of CRI', () => {
  const kind = 'io.kubernetes.cri.container-type';
  const spec: OciSpec = { ...oci(), annotations: { [kind]: 'container' } };
  const patch = { args: [], env: [], hostname: '', domainname: '', network: 'pod', shared: false, tmpfs: [] } as const;
  patchSpec(spec, { ...patch, console: undefined, annotations: { [kind]: 'sandbox', 'a.b': 'c' } });
  assert.deepEqual(spec.annotations, { [kind]: 'container', 'a.b': 'c' });
});

test('host: the network of the sandbox, a hostname of its own', () => {
  const spec = patched('host');
  assert.deepEqual(spec.linux.namespaces, [
    { type: 'pid' },
    { type: 'network', path: '/proc/1/ns/net' },
    { type: 'uts' },
  ]);
  assert.equal(spec.hostname, 'box');
  assert.equal(spec.linux.sysctl, undefined);
});

test('none: a network namespace that nobody has joined', () => {
  const spec = patched('new');
  assert.deepEqual(spec.linux.namespaces, [{ type: 'pid' }, { type: 'uts' }, { type: 'network' }]);
  assert.equal(spec.linux.sysctl?.['net.ipv4.ip_unprivileged_port_start'], '0');
});

test('a network namespace that is there: made by the daemon, or shared with another container, whose settings stay', () => {
  const own = patched({ path: '/n' });
  const namespaces = [{ type: 'pid' }, { type: 'uts' }, { type: 'network', path: '/n' }];
  assert.deepEqual(own.linux.namespaces, namespaces);
  assert.equal(own.linux.sysctl?.['net.ipv4.ip_unprivileged_port_start'], '0');
  const shared = patched({ path: '/n' }, { shared: true });
  assert.deepEqual([shared.linux.namespaces, shared.linux.sysctl], [namespaces, undefined]);
});

test('a tmpfs replaces what is at its place and comes before what is below it', () => {
  const mount = (target: string, readOnly = false) => ({
    type: 'tmpfs' as const,
    source: '',
    target,
    readOnly,
    propagation: '',
    volume: '',
    anonymous: false,
  });
  const spec = patched('pod', { tmpfs: [mount('/a'), mount('/t', true)] });
  assert.deepEqual(
    spec.mounts.map(({ destination, type }) => [destination, type]),
    [
      ['/proc', 'proc'],
      ['/a', 'tmpfs'],
      ['/a/b', 'bind'],
      ['/t', 'tmpfs'],
    ],
  );
  assert.ok(spec.mounts.at(-1)?.options?.includes('ro'));
});
