/** What is built and run: made on the spot, the same for everybody. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A root file system of busybox as tar. */
export function busyboxTar(work: string): string {
  const tree = join(work, 'busybox');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  mkdirSync(join(tree, 'etc'));
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  for (const applet of ['sh', 'true', 'sleep', 'echo', 'cat']) symlinkSync('busybox', join(tree, 'bin', applet));
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  const archive = join(work, 'busybox.tar');
  spawnSync('tar', ['-C', tree, '--owner=0', '--group=0', '-cf', archive, '.'], { stdio: 'inherit' });
  return archive;
}

/** A context of 200 source files. */
export function sourcesContext(work: string): { readonly path: string; readonly edit: (mark: string) => void } {
  const path = join(work, 'sources');
  mkdirSync(join(path, 'src'), { recursive: true });
  for (let i = 0; i < 200; i += 1)
    writeFileSync(join(path, `src/file${i}.js`), `export const value${i} = ${i};\n`.repeat(50));
  writeFileSync(join(path, 'Dockerfile'), 'FROM scratch\nCOPY . /app\nCMD ["/app/src/file0.js"]\n');
  return { path, edit: (mark) => writeFileSync(join(path, 'src/file7.js'), `export const mark = '${mark}';\n`) };
}

/** A context of one file of random bytes, which no compression makes smaller. */
export function randomContext(work: string, megabytes: number): string {
  const path = join(work, `random${megabytes}`);
  mkdirSync(path);
  const file = openSync(join(path, 'data'), 'w');
  for (let i = 0; i < megabytes; i += 1) writeSync(file, randomBytes(1 << 20));
  writeFileSync(join(path, 'Dockerfile'), 'FROM scratch\nCOPY data /data\n');
  return path;
}
