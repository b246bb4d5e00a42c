/** The recipe of the machine: a root file system out of Debian's packages, a kernel, and what makes them ours. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface MachineImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

const PACKAGES = [
  'linux-image-amd64',
  'initramfs-tools',
  ...['systemd', 'systemd-sysv', 'systemd-resolved', 'dbus', 'udev', 'kmod'],
  ...['apparmor', 'firewalld', 'nftables', 'iptables', 'iproute2'],
  // What the tests use; libatomic1 is node's.
  ...[
    'libatomic1',
    'busybox-static',
    'ca-certificates',
    'curl',
    'procps',
    'openssl',
    'tmux',
    'file',
    'zstd',
    'binutils',
  ],
];

/** 9p for this tree. */
const INITRD_MODULES = ['virtio_pci', 'virtio_blk', 'ext4', '9p', '9pnet_virtio'];

const FILES: Readonly<Record<string, string>> = {
  '/etc/hostname': 'k3cvm\n',
  '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1 k3cvm\n',
  '/etc/fstab': '/dev/vda / ext4 defaults 0 1\nrepo /repo 9p ro,trans=virtio,msize=262144,cache=loose 0 0\n',
  '/etc/systemd/network/lan0.netdev': '[NetDev]\nName=lan0\nKind=dummy\n',
  '/etc/systemd/network/lan0.network': `[Match]
Name=lan0
[Network]
Address=192.0.2.2/24
Address=192.0.2.53/24
Gateway=192.0.2.1
DNS=192.0.2.53
Domains=corp.test
`,
  // Its own terminal is the second serial line: what the tests print and nothing else.
  '/etc/systemd/system/k3c-vm.service': `[Unit]
After=multi-user.target k3c.service
[Service]
Type=exec
Environment=HOME=/root
ExecStart=/repo/node_modules/.bin/node /repo/test/vm/guest.ts
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
[Install]
WantedBy=multi-user.target
`,
};

const ENABLED = ['systemd-networkd', 'systemd-resolved', 'k3c-vm'];
const DISABLED = ['firewalld'];

/** Makes the image below a directory where there is none of this recipe, in about a minute; older ones are removed. */
export function makeImage(directory: string): MachineImage {
  const digest = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .digest('hex')
    .slice(0, 16);
  const home = join(directory, digest);
  const image = { disk: join(home, 'root.ext4'), kernel: join(home, 'vmlinuz'), initrd: join(home, 'initrd') };
  if (existsSync(home)) return image;
  rmSync(directory, { recursive: true, force: true });
  const made = join(directory, 'new');
  const root = join(directory, 'root');
  mkdirSync(made, { recursive: true });
  const trimmed = ['doc', 'man', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  run('mmdebstrap', ['--quiet', '--variant=minbase', ...trimmed, `--include=${PACKAGES.join(',')}`, 'bookworm', root]);
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  mkdirSync(join(root, 'repo'));
  // mmdebstrap leaves the resolvers of the machine that it runs on.
  rmSync(join(root, 'etc/resolv.conf'), { force: true });
  run('ln', ['-s', '../run/systemd/resolve/stub-resolv.conf', join(root, 'etc/resolv.conf')]);
  writeFileSync(join(root, 'etc/initramfs-tools/modules'), `${INITRD_MODULES.join('\n')}\n`);
  writeFileSync(join(root, 'etc/initramfs-tools/conf.d/small'), 'MODULES=list\n');
  run('chroot', [root, 'update-initramfs', '-u']);
  run('chroot', [root, 'systemctl', '--quiet', 'enable', ...ENABLED]);
  run('chroot', [root, 'systemctl', '--quiet', 'disable', ...DISABLED]);
  for (const name of ['vmlinuz', 'initrd']) {
    const file = readdirSync(join(root, 'boot')).find((each) => each.startsWith(name));
    if (file === undefined) throw new Error(`the kernel's package brought no ${name}`);
    cpSync(join(root, 'boot', file), join(made, name));
  }
  // No loop device is needed for this.
  run('truncate', ['-s', '16G', join(made, 'root.ext4')]);
  run('mke2fs', ['-q', '-t', 'ext4', '-d', root, join(made, 'root.ext4')]);
  rmSync(root, { recursive: true, force: true });
  renameSync(made, home);
  return image;
}

/** What a command prints is shown only when it fails. */
function run(command: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} failed with exit code ${status}:\n${stdout}${stderr}`);
}
