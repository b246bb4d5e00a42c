import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from './changes.ts';
import type { OciRunConfig } from './oci.ts';

const cases: readonly [change: string, config: OciRunConfig][] = [
  ['CMD ["a", "b c"]', { Cmd: ['a', 'b c'] }],
  ['cmd echo hi "there"', { Cmd: ['/bin/sh', '-c', 'echo hi "there"'] }],
  ['ENTRYPOINT [ "x" ]', { Entrypoint: ['x'] }],
  ['CMD [x', { Cmd: ['/bin/sh', '-c', '[x'] }],
  ['ENV A=1', { Env: ['A=1'] }],
  ['ENV A one two', { Env: ['A=one two'] }],
  [`ENV A="x y" B='z "q"' C=a\\ b D=`, { Env: ['A=x y', 'B=z "q"', 'C=a b', 'D='] }],
  ['EXPOSE 80 53/UDP', { ExposedPorts: { '80/tcp': {}, '53/udp': {} } }],
  ['LABEL a.b="c d" e=f', { Labels: { 'a.b': 'c d', e: 'f' } }],
  ['USER nobody:nogroup', { User: 'nobody:nogroup' }],
  ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
  ['VOLUME ["/a b"]', { Volumes: { '/a b': {} } }],
  ['WORKDIR /srv', { WorkingDir: '/srv' }],
  ['STOPSIGNAL SIGINT', { StopSignal: 'SIGINT' }],
  ['ONBUILD RUN x', { OnBuild: ['RUN x'] }],
];
for (const [change, config] of cases) {
  test(change, () => assert.deepEqual(applyChanges({}, [change]), config));
}

test('later changes go on from earlier ones', () => {
  const config = applyChanges({ Env: ['A=0', 'B=1'], WorkingDir: '/a' }, [
    'ENV A=2',
    'WORKDIR b',
    'CMD x',
    'CMD ["y"]',
  ]);
  assert.deepEqual(config, { Env: ['A=2', 'B=1'], WorkingDir: '/a/b', Cmd: ['y'] });
});

for (const change of ['FROM x', '', 'CMD', 'EXPOSE http', 'ENV A', 'ENV a=1 b']) {
  test(`refused: ${JSON.stringify(change)}`, () => {
    assert.throws(() => applyChanges({}, [change]), { reason: 'bad-input' });
  });
}
