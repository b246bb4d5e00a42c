import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMount, parseTmpfs, parseVolume } from './mounts.ts';

const mount = (type: string, source: string, target: string, rest: object = {}) => ({
  type,
  source,
  target,
  readOnly: false,
  propagation: '',
  mustExist: false,
  tmpfsOptions: '',
  noCopy: false,
  relabel: false,
  volumeDriver: '',
  volumeOptions: {},
  volumeLabels: {},
  volumeSubpath: '',
  bindRecursive: '',
  ...rest,
});

describe('-v', () => {
  const cases: [string, object][] = [
    ['/data', mount('volume', '', '/data')],
    ['vol:/data', mount('volume', 'vol', '/data')],
    ['vol:/data/:ro', mount('volume', 'vol', '/data', { readOnly: true })],
    ['/a:/b', mount('bind', '/a', '/b')],
    ['/a/:/b', mount('bind', '/a', '/b')],
    ['/a/../c:/b', mount('bind', '/c', '/b')],
    ['./a:/b', mount('bind', '/work/a', '/b')],
    ['.:/b:rw', mount('bind', '/work', '/b')],
    ['../a:/b', mount('bind', '/a', '/b')],
    ['.a/b:/c', mount('bind', '/work/.a/b', '/c')],
    ['/a:/b:ro,rshared', mount('bind', '/a', '/b', { readOnly: true, propagation: 'rshared' })],
    ['/a:/b:ro,z', mount('bind', '/a', '/b', { readOnly: true, relabel: true })],
    ['/a:/b:cached', mount('bind', '/a', '/b')],
    ['vol:/b:nocopy', mount('volume', 'vol', '/b', { noCopy: true })],
  ];
  for (const [text, expected] of cases) test(text, () => assert.deepEqual(parseVolume(text, '/work'), expected));
  const wrong: [string, RegExp][] = [
    ['', /^invalid empty volume spec$/],
    ['a:b', /mount path must be absolute/],
    ['data', /mount path must be absolute/],
    ['/a:/', /destination can't be '\/'/],
    ['/a:/b:foo', /invalid mode: foo/],
    ['/a:/b:ro:x', /too many colons/],
    [':/b', /empty section between colons/],
    ['/a:/b:nocopy', /invalid mode: nocopy/],
    ['vol:/b:shared', /cannot mix propagation/],
    ['x:/b', /volume name is too short/],
    ['a/b:/c', /^"a\/b" includes invalid characters for a local volume name, .* host directory, use absolute path$/],
    ['~/x:/c', /^"~\/x" includes invalid characters for a local volume name/],
    ['vol:/b:ro,rw', /invalid mode: ro,rw$/],
    ['vol:/b:z,ro,Z', /invalid mode: z,ro,Z$/],
    ['vol:/b:nocopy,nocopy', /invalid mode: nocopy,nocopy$/],
    ['/a:/b:private,slave', /invalid mode: private,slave$/],
    ['/a:/b:cached,delegated', /invalid mode: cached,delegated$/],
    ['x!:/b', /includes invalid characters for a local volume name/],
  ];
  for (const [text, message] of wrong) {
    test(`refuses '${text}'`, () => assert.throws(() => parseVolume(text, '/work'), { message }));
  }
});

describe('--mount', () => {
  const cases: [string, object][] = [
    ['type=bind,source=/a,target=/b', mount('bind', '/a', '/b', { mustExist: true })],
    ['type=bind,src=./a,dst=/b,readonly', mount('bind', '/work/a', '/b', { readOnly: true, mustExist: true })],
    [
      'type=bind,src=/a,destination=/b,ro=false,bind-propagation=shared',
      mount('bind', '/a', '/b', { propagation: 'shared', mustExist: true }),
    ],
    ['source=vol,target=/b', mount('volume', 'vol', '/b')],
    ['target=/b', mount('volume', '', '/b')],
    ['type=tmpfs,target=/t', mount('tmpfs', '', '/t')],
    [
      'type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770',
      mount('tmpfs', '', '/t', { tmpfsOptions: 'size=1048576,mode=1770' }),
    ],
    ['source=vol,target=/b,volume-nocopy', mount('volume', 'vol', '/b', { noCopy: true })],
    [
      'source=vol,target=/b,volume-driver=local,volume-opt=type=tmpfs,"volume-opt=o=size=1m,uid=1",volume-label=a=b',
      mount('volume', 'vol', '/b', {
        volumeDriver: 'local',
        volumeOptions: { type: 'tmpfs', o: 'size=1m,uid=1' },
        volumeLabels: { a: 'b' },
      }),
    ],
    ['source=vol,target=/b,volume-subpath=a/b', mount('volume', 'vol', '/b', { volumeSubpath: 'a/b' })],
    ['type=bind,src=/a,target=/b,bind-create-src', mount('bind', '/a', '/b')],
    [
      'type=bind,src=/a,target=/b,bind-recursive=disabled',
      mount('bind', '/a', '/b', { mustExist: true, bindRecursive: 'disabled' }),
    ],
    ['type=bind,"source=/a,b",target=/c', mount('bind', '/a,b', '/c', { mustExist: true })],
  ];
  for (const [text, expected] of cases) test(text, () => assert.deepEqual(parseMount(text, '/work'), expected));
  const wrong: [string, RegExp][] = [
    ['type=bind,source=/a', /^target is required$/],
    ['type=bind,target=/a', /^source is required for a bind mount$/],
    ['type=npipe,target=/a', /^invalid mount config for type "npipe": mount type unknown$/],
    ['target=/a,foo=bar', /^unexpected key 'foo' in 'foo=bar'$/],
    ['target', /^invalid field 'target' must be a key=value pair$/],
    ['target=a', /mount path must be absolute/],
    ['type=tmpfs,source=/a,target=/b', /takes no source/],
    ['type=tmpfs,target=/b,tmpfs-size=x', /^invalid value for tmpfs-size: x$/],
    ['type=tmpfs,target=/b,tmpfs-mode=9', /^invalid value for tmpfs-mode: 9$/],
    ['type=bind,source=/a,target=/b,tmpfs-mode=7', /^cannot mix 'tmpfs-mode' with mount type 'bind'$/],
    ['type=bind,src=/a,target=/b,volume-subpath=c', /^cannot mix 'volume-subpath' with mount type 'bind'$/],
    ['type=bind,src=/a,target=/b,bind-nonrecursive', /^bind-nonrecursive is deprecated/],
    ['type=bind,src=/a,target=/b,bind-recursive=x', /^invalid value for bind-recursive: x \(must be "enabled"/],
    ['type=bind,src=/a,target=/b,bind-recursive=readonly', /requires 'readonly' to be specified in conjunction$/],
    ['type=bind,src=/a,target=/b,ro,bind-recursive=readonly', /requires 'bind-propagation=rprivate'/],
    [
      'type=bind,source=/a ,target=/b',
      /^invalid value for 'source' in 'source=\/a ': value should not have whitespace$/,
    ],
    ['type=bind, source=/a,target=/b', /^invalid option 'source' in ' source=\/a': option should not have whitespace$/],
    ['target=/a,ro', /^must not set ReadOnly mode when using anonymous volumes$/],
    ['target=/a,volume-subpath=b', /^must not set Subpath when using anonymous volumes$/],
    ['target=/a,readonly=maybe', /invalid value for 'readonly'/],
    ['"target=/a', /a quote is not closed/],
  ];
  for (const [text, message] of wrong) {
    test(`refuses '${text}'`, () => assert.throws(() => parseMount(text, '/work'), { message }));
  }
});

describe('--tmpfs', () => {
  const cases: [string, object][] = [
    ['/run', mount('tmpfs', '', '/run')],
    ['/run/:rw,exec,size=64m,mode=1770', mount('tmpfs', '', '/run', { tmpfsOptions: 'rw,exec,size=64m,mode=1770' })],
  ];
  for (const [text, expected] of cases) test(text, () => assert.deepEqual(parseTmpfs(text), expected));
  const wrong: [string, RegExp][] = [
    ['run', /mount path must be absolute/],
    ['/run:foo', /^invalid tmpfs option "foo"$/],
    ['/run:size', /^invalid tmpfs option "size"$/],
    ['/run:rw:ro', /too many colons/],
  ];
  for (const [text, message] of wrong) {
    test(`refuses '${text}'`, () => assert.throws(() => parseTmpfs(text), { message }));
  }
});
