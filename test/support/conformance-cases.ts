/** The Dockerfiles of test/conformance: how each is built, and what of its context cannot lie in git. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export interface Case {
  /** The directory below test/conformance. */
  readonly name: string;
  readonly buildArguments?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly platform?: string;
  /** Content by id. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Ids that get a socket. */
  readonly ssh?: readonly string[];
  readonly allow?: readonly string[];
  /** A directory below the context, or a reference with a scheme, by name. */
  readonly contexts?: Readonly<Record<string, string>>;
  readonly addHosts?: Readonly<Record<string, string>>;
  readonly ulimit?: string;
  readonly shmSize?: number;
  /** Makes the rest of the context. */
  readonly prepare?: (context: string) => void;
  /** Times of single files, set last. */
  readonly dates?: Readonly<Record<string, Date>>;
  /** What lines of the image (see image-content.ts) must look like, besides being the same in both. */
  readonly holds?: readonly RegExp[];
}

/** Seconds since 1970, with a fraction, for whatever a context holds. */
const TIME = 981_173_106.25;

/**
 * All cases, by name. A directory of test/conformance that is not named here is built with no flags.
 *
 * @param directory test/conformance
 * @param server where files and a git repository are served over HTTP (see loopback-files.ts)
 */
export function conformanceCases(directory: string, server: string): Case[] {
  const flags = new Map(casesWithFlags(server).map((each) => [each.name, each]));
  const names = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const cases = names.map(({ name }) => flags.get(name) ?? { name });
  for (const name of flags.keys()) {
    if (!cases.some((each) => each.name === name)) throw new Error(`there is no test/conformance/${name}`);
  }
  return cases.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Completes a context in a copy of the case's directory. Everything in it gets a time of its own, which a build must keep. */
export function prepareContext({ prepare, dates }: Case, context: string): void {
  prepare?.(context);
  stampTimes(context);
  for (const [name, date] of Object.entries(dates ?? {})) lutimesSync(join(context, name), date, date);
}

function stampTimes(directory: string): void {
  let count = 0;
  const stamp = (path: string | Buffer) => {
    lutimesSync(path, TIME + count, TIME + count);
    count += 3600;
  };
  const walk = (at: Buffer) => {
    const entries = readdirSync(at, { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries.toSorted((a, b) => Buffer.compare(a.name, b.name))) {
      const path = Buffer.concat([at, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) walk(path);
      stamp(path);
    }
  };
  walk(Buffer.from(directory));
}

function casesWithFlags(server: string): Case[] {
  return [
    { name: 'add-archives', prepare: (context) => packTrees(context) },
    { name: 'add-git', buildArguments: { SERVER: server } },
    { name: 'add-http', buildArguments: { SERVER: server } },
    { name: 'arg-scopes', buildArguments: { FROM_USER: 'given', HTTP_PROXY: 'http://127.0.0.1:9', GLOBAL: 'changed' } },
    {
      name: 'attributes',
      prepare: packAttributes,
      // Of a layer's attributes containerd's differ keeps the capabilities.
      holds: [/^"capable" 0 755 .* security\.capability="\\u0001/],
    },
    { name: 'copy-owner-mode', buildArguments: { MODE: '0604' } },
    {
      name: 'directives',
      prepare: (context) => writeFileSync(join(context, 'a`b'), 'a name with the escape in it\n'),
    },
    {
      name: 'flags',
      labels: { 'from.flag': 'a "value", with commas' },
      addHosts: { 'db.internal': '10.1.2.3', 'cache.internal': '::1' },
      ulimit: 'nofile=321:654',
      shmSize: 8 << 20,
    },
    { name: 'hard-links', prepare: hardLinks, holds: [/^"all\/b" 1 .* -> "all\/a"$/] },
    { name: 'links', prepare: symbolicLinks },
    {
      name: 'modes',
      prepare: modes,
      holds: [
        /^"all\/bin\/set-user-id" 0 4755 0:0 981\d+ /,
        /^"all\/sticky\/" 5 1777 /,
        /^"all\/sparse" 0 \d+ .* 3145728 /,
      ],
    },
    {
      name: 'mount-secret',
      secrets: { token: 'a token\nof two lines', word: 'pass word' },
    },
    { name: 'mount-ssh', ssh: ['default', 'deploy'] },
    { name: 'named-contexts', contexts: { shared: 'shared', base: 'docker-image://busybox' } },
    { name: 'named-target', target: 'release' },
    { name: 'names', prepare: names },
    { name: 'platform', platform: 'linux/arm64' },
    { name: 'reproducible', buildArguments: { SOURCE_DATE_EPOCH: '1234567890' } },
    { name: 'run-network', allow: ['network.host'] },
    { name: 'run-security', allow: ['security.insecure'] },
    { name: 'special-files', prepare: specialFiles, holds: [/^"all\/pipe" 6 /, /^"all\/null" 3 .* 1,3$/] },
    {
      name: 'times',
      prepare: times,
      dates: { early: new Date('1969-07-20T20:17:40Z'), late: new Date('2042-01-01T00:00:00Z'), whole: new Date(0) },
    },
  ];
}

/** Archives of a small tree: plain, gzip and xz. */
export function packTrees(directory: string): void {
  const tree = join(directory, '.tree');
  mkdirSync(join(tree, 'dir/empty'), { recursive: true });
  writeFileSync(join(tree, 'dir/run'), '#!/bin/sh\n', { mode: 0o755 });
  chmodSync(join(tree, 'dir/run'), 0o4755);
  linkSync(join(tree, 'dir/run'), join(tree, 'hard'));
  symlinkSync('dir/run', join(tree, 'soft'));
  const same = ['--sort=name', `--mtime=@${Math.floor(TIME)}`, '--owner=11', '--group=12', '--numeric-owner'];
  for (const archive of ['plain.tar', 'packed.tar.gz', 'packed.tar.xz']) {
    execFileSync('tar', [...same, '-C', tree, '-caf', join(directory, archive), 'dir', 'hard', 'soft'], {
      env: { ...process.env, GZIP: '-n' },
    });
  }
  execFileSync('rm', ['-r', tree]);
}

/** An archive whose entries have extended attributes: a capability and one of a user. */
function packAttributes(context: string): void {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  writeFileSync(
    join(context, 'attributes.tar'),
    Buffer.concat([
      paxFile('capable', { 'security.capability': capability }),
      paxFile('noted', { 'user.note': Buffer.from('k3c=yes') }),
      Buffer.alloc(1024),
    ]),
  );
}

function paxFile(name: string, attributes: Readonly<Record<string, Buffer>>): Buffer {
  const records = Object.entries(attributes).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` SCHILY.xattr.${key}=`), value, Buffer.from('\n')]);
    // The length counts its own digits.
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length++;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  const content = Buffer.from(`${name}\n`);
  return Buffer.concat([tarBlock(`PaxHeaders/${name}`, 'x', Buffer.concat(records)), tarBlock(name, '0', content)]);
}

function tarBlock(name: string, type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number) =>
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at);
  header.write(name, 0);
  octal(0o755, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(content.length, 124, 11);
  octal(Math.floor(TIME), 136, 11);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function symbolicLinks(context: string): void {
  mkdirSync(join(context, 'directory'));
  writeFileSync(join(context, 'directory/inside'), 'inside\n');
  writeFileSync(join(context, 'file'), 'file\n');
  symlinkSync('file', join(context, 'to-file'));
  symlinkSync('directory', join(context, 'to-directory'));
  symlinkSync('to-file', join(context, 'chain'));
  symlinkSync('/file', join(context, 'absolute'));
  symlinkSync('nowhere', join(context, 'dangling'));
  symlinkSync('../../../etc/passwd', join(context, 'outward'));
  symlinkSync('../file', join(context, 'directory/up'));
}

function hardLinks(context: string): void {
  writeFileSync(join(context, 'a'), 'shared\n');
  linkSync(join(context, 'a'), join(context, 'b'));
  mkdirSync(join(context, 'sub'));
  linkSync(join(context, 'a'), join(context, 'sub/c'));
  writeFileSync(join(context, 'sub/d'), 'other\n');
  linkSync(join(context, 'sub/d'), join(context, 'sub/e'));
}

function modes(context: string): void {
  const special: [string, number][] = [
    ['bin/set-user-id', 0o4755],
    ['bin/set-group-id', 0o2711],
    ['private', 0o600],
    ['nobody-reads', 0o000],
    ['everybody-writes', 0o666],
    ['executable', 0o711],
  ];
  mkdirSync(join(context, 'bin'));
  for (const [name, mode] of special) {
    writeFileSync(join(context, name), `${name}\n`);
    chmodSync(join(context, name), mode);
  }
  for (const [name, mode] of [
    ['empty', 0o755],
    ['sticky', 0o1777],
    ['group', 0o2775],
    ['closed', 0o700],
  ] as const) {
    mkdirSync(join(context, name));
    chmodSync(join(context, name), mode);
  }
  writeFileSync(join(context, 'empty-file'), '');
  writeFileSync(join(context, 'sparse'), 'start');
  truncateSync(join(context, 'sparse'), 3 << 20);
}

function names(context: string): void {
  for (const name of [
    'grüße.txt',
    '日本語/漢字',
    'a  b',
    '$dollar',
    'new\nline',
    'back\\slash',
    '-dash',
    '~',
    '#',
    '%41',
    '\u{1f40b}',
    'e\u0301',
    '\u00e9',
    'x'.repeat(255),
    `${'d'.repeat(120)}/${'e'.repeat(120)}/f`,
  ]) {
    mkdirSync(join(context, name, '..'), { recursive: true });
    writeFileSync(join(context, name), `${name}\n`);
  }
  // Not UTF-8.
  writeFileSync(Buffer.concat([Buffer.from(`${context}/`), Buffer.from([0x66, 0xff, 0x80])]), 'bytes\n');
}

function specialFiles(context: string): void {
  execFileSync('mkfifo', [join(context, 'pipe')]);
  execFileSync('mknod', [join(context, 'null'), 'c', '1', '3']);
  mkdirSync(join(context, 'dir'));
  copyFileSync('/dev/null', join(context, 'dir/empty'));
}

function times(context: string): void {
  for (const name of ['early', 'late', 'whole', 'fraction']) writeFileSync(join(context, name), `${name}\n`);
  mkdirSync(join(context, 'folder'));
  writeFileSync(join(context, 'folder/in'), 'in\n');
}
