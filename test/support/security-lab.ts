/** What the tests of security need on the host: a second runtime, devices, CDI specifications, a seccomp profile, users. */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from './engine.ts';
import { writeImage } from './image.ts';

/**
 * Writes into a directory: `second` (a runtime that leaves `trace`), `dev`, `link`, `cdi`, `profile.json`.
 * @returns the archive of the image `users`
 */
export async function writeSecurityLab(directory: string): Promise<string> {
  await writeRuntime(directory);
  await writeDevices(directory);
  await writeProfile(directory);
  return writeUsersImage(directory);
}

/** A second runtime: runc again, but it leaves a trace. */
async function writeRuntime(directory: string): Promise<void> {
  const script = `#!/bin/sh\necho used >> ${directory}/trace\nexec ${toolPath('runc')} "$@"\n`;
  await writeFile(join(directory, 'second'), script, { mode: 0o755 });
}

/** fuse's number: a device that no container has by default. */
export const FUSE = ['c', '10', '229'];

async function writeDevices(directory: string): Promise<void> {
  await mkdir(join(directory, 'dev/deeper'), { recursive: true });
  execFileSync('mknod', [join(directory, 'dev/fuse'), ...FUSE]);
  execFileSync('mknod', [join(directory, 'dev/deeper/nothing'), 'c', '1', '3']);
  await writeFile(join(directory, 'dev/no-device'), '');
  await symlink('dev/fuse', join(directory, 'link'));
  await mkdir(join(directory, 'cdi'));
  const spec = (kind: string, devices: object[]) =>
    writeFile(
      join(directory, 'cdi', `${kind.replace('/', '-')}.json`),
      JSON.stringify({ cdiVersion: '0.6.0', kind, devices }),
    );
  const node = (path: string) => ({ path, hostPath: join(directory, 'dev/fuse'), permissions: 'rw' });
  await spec('vendor.com/class', [
    { name: 'one', containerEdits: { deviceNodes: [node('/dev/one')], env: ['SPEC=yes', 'BOTH=spec'] } },
  ]);
  await spec('nvidia.com/gpu', [
    { name: '0', containerEdits: { deviceNodes: [node('/dev/nvidia0')] } },
    { name: 'all', containerEdits: { deviceNodes: [node('/dev/nvidia0'), node('/dev/nvidia1')] } },
  ]);
}

/** No directory can be made; no mode changed, but by who may set the clock. */
async function writeProfile(directory: string): Promise<void> {
  const refuse = (names: string[], more: object) => ({ names, action: 'SCMP_ACT_ERRNO', ...more });
  const profile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls: [
      refuse(['mkdir', 'mkdirat'], { errnoRet: 38 }),
      refuse(['chmod', 'fchmodat', 'fchmodat2'], { excludes: { caps: ['CAP_SYS_TIME'] } }),
    ],
  };
  await writeFile(join(directory, 'profile.json'), JSON.stringify(profile, null, 2));
}

/** busybox with users and groups: `app` is of group 100, and is listed in one of his own name and in `staff`. */
async function writeUsersImage(directory: string): Promise<string> {
  const tree = join(directory, 'tree');
  await mkdir(join(tree, 'bin'), { recursive: true });
  await mkdir(join(tree, 'etc'));
  await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
  for (const applet of ['sh', 'id', 'sleep', 'grep']) await symlink('busybox', join(tree, 'bin', applet));
  await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\napp:x:1000:100::/:/bin/sh\n');
  await writeFile(
    join(tree, 'etc/group'),
    'root:x:0:\nusers:x:100:\napp:x:101:app\nstaff:x:50:app,root\nextra:x:60:\n',
  );
  const archive = join(directory, 'users.tar');
  await writeImage(archive, 'docker.io/library/users:latest', tree, { command: ['sh'], env: ['PATH=/bin'] });
  return archive;
}
