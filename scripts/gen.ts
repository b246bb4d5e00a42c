/**
 * Generates src/api/gen from the .proto files of the engine's own Go modules (at the versions in vendor-bin) and from
 * k3c.proto. Runs only when an input changed: the stamp file holds the digest of everything that goes in.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const out = join(root, 'src/api/gen');
const staging = join(root, 'dist/proto');

interface Source {
  /** The vendor-bin folder whose go.mod pins the module. */
  readonly part: string;
  readonly module: string;
  /** Where the module's files are rooted in import paths. */
  readonly prefix: string;
  readonly files: readonly string[];
}

const sources: readonly Source[] = [
  {
    part: 'containerd',
    module: 'k8s.io/cri-api',
    prefix: 'cri',
    files: ['pkg/apis/runtime/v1/api.proto'],
  },
  {
    part: 'containerd',
    module: 'github.com/containerd/containerd/api',
    prefix: '',
    files: [
      ...[
        'containers',
        'content',
        'diff',
        'events',
        'images',
        'introspection',
        'leases',
        'sandbox',
        'snapshots',
        'streaming',
        'tasks',
        'transfer',
        'version',
      ].map((service) => `services/${service}/v1/${service}.proto`),
      'services/namespaces/v1/namespace.proto',
      ...[
        'platform',
        'event',
        'fieldpath',
        'sandbox',
        'metrics',
        'mount',
        'introspection',
        'descriptor',
        'task/task',
        'runc/options/oci',
      ].map((name) => `types/${name}.proto`),
      ...['registry', 'streaming', 'progress', 'imagestore', 'importexport'].map(
        (name) => `types/transfer/${name}.proto`,
      ),
      ...['task', 'image', 'container', 'sandbox', 'content', 'snapshot'].map((name) => `events/${name}.proto`),
    ],
  },
  {
    part: 'buildkit',
    module: 'github.com/moby/buildkit',
    prefix: 'github.com/moby/buildkit',
    files: [
      'api/types/worker.proto',
      'api/services/control/control.proto',
      'solver/pb/ops.proto',
      'solver/errdefs/errdefs.proto',
      'sourcepolicy/pb/policy.proto',
      'sourcepolicy/policysession/policysession.proto',
      'session/auth/auth.proto',
      'session/filesync/filesync.proto',
      'session/secrets/secrets.proto',
      'session/sshforward/ssh.proto',
      'frontend/gateway/pb/gateway.proto',
      'util/apicaps/pb/caps.proto',
    ],
  },
  {
    part: 'buildkit',
    module: 'github.com/tonistiigi/fsutil',
    prefix: 'github.com/tonistiigi/fsutil',
    files: ['types/wire.proto', 'types/stat.proto'],
  },
  {
    part: 'buildkit',
    module: 'github.com/planetscale/vtprotobuf',
    prefix: '',
    files: ['include/github.com/planetscale/vtprotobuf/vtproto/ext.proto'],
  },
];

/** Options of ts-proto: plain erasable TypeScript, no grpc runtime, oneofs as tagged unions, 64-bit as bigint. */
const options = [
  'env=node',
  'esModuleInterop=true',
  'importSuffix=.ts',
  'outputServices=generic-definitions',
  'outputJsonMethods=false',
  'outputTypeRegistry=false',
  'enumsAsLiterals=true',
  'oneof=unions-value',
  'forceLong=bigint',
  'useDate=false',
  'useOptionals=none',
  'outputIndex=false',
  'useExactTypes=false',
  'removeEnumPrefix=true',
  'unrecognizedEnum=false',
  'snakeToCamel=keys',
];

function moduleDir(part: string, module: string): string {
  const dir = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', module], {
    cwd: join(root, 'vendor-bin', part),
    encoding: 'utf8',
  }).trim();
  if (dir !== '') return dir;
  execFileSync('go', ['mod', 'download', module], { cwd: join(root, 'vendor-bin', part), stdio: 'inherit' });
  return moduleDir(part, module);
}

/** The digest of all inputs that decide what is generated. */
function inputDigest(): string {
  const hash = createHash('sha256');
  const inputs = [
    'scripts/gen.ts',
    'src/api/k3c.proto',
    'src/api/proto/google/rpc/status.proto',
    'vendor-bin/containerd/go.sum',
    'vendor-bin/buildkit/go.sum',
    'package-lock.json',
  ];
  for (const file of inputs) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function generate(): void {
  rmSync(staging, { recursive: true, force: true });
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const source of sources) {
    const dir = moduleDir(source.part, source.module);
    for (const file of source.files) {
      const target = join(staging, source.prefix, file.replace(/^include\//, ''));
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(dir, file), target);
    }
  }
  cpSync(join(root, 'src/api/proto'), staging, { recursive: true });
  cpSync(join(root, 'src/api/k3c.proto'), join(staging, 'k3c.proto'));
  writeFileSync(join(staging, 'buf.yaml'), 'version: v2\n');
  const template = JSON.stringify({
    version: 'v2',
    plugins: [
      {
        local: join(root, 'node_modules/.bin/protoc-gen-ts_proto'),
        out,
        opt: options,
        strategy: 'all',
        include_imports: true,
      },
    ],
  });
  execFileSync(join(root, 'node_modules/.bin/buf'), ['generate', '--template', template, staging], {
    cwd: staging,
    stdio: 'inherit',
  });
}

/**
 * Bytes fields share the memory of the message they were read from: `Buffer.from(bytes)` would copy them, and no buffer of
 * a message is used twice.
 */
function shareBytes(): void {
  for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const path = join(out, name);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(COPIED)) continue;
    writeFileSync(path, `${text.replaceAll(COPIED, 'viewOf(reader.bytes())')}\n${VIEW_OF}`);
  }
}

const COPIED = 'Buffer.from(reader.bytes())';
const VIEW_OF = `function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
`;

const stamp = join(out, '.inputs');
const digest = inputDigest();
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) {
  console.log('gen: up to date');
} else {
  generate();
  shareBytes();
  writeFileSync(stamp, digest);
  console.log('gen: src/api/gen written');
}
