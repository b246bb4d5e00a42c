/** What is built and run: made on the spot, the same for everybody. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A root file system of busybox as tar. */
export function busyboxTar(work: string): string {
  const tree = join(work, 'busybox');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  mkdirSync(join(tree, 'etc'));
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  for (const applet of ['sh', 'true', 'sleep', 'echo', 'cat', 'httpd'])
    symlinkSync('busybox', join(tree, 'bin', applet));
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  const archive = join(work, 'busybox.tar');
  spawnSync('tar', ['-C', tree, '--owner=0', '--group=0', '-cf', archive, '.'], { stdio: 'inherit' });
  return archive;
}

export interface BuildContext {
  readonly path: string;
  /** Changes what changes between two builds; a different mark makes a different content. */
  readonly edit: (mark: string) => void;
}

/** A context of 200 source files, one of which changes. */
export function sourcesContext(work: string, from: string): BuildContext {
  const path = mkdtempSync(join(work, 'sources-'));
  mkdirSync(join(path, 'src'));
  for (let i = 0; i < 200; i += 1)
    writeFileSync(join(path, `src/file${i}.js`), `export const value${i} = ${i};\n`.repeat(50));
  writeFileSync(join(path, 'Dockerfile'), `${from}\nCOPY . /app\nCMD ["/app/src/file0.js"]\n`);
  return { path, edit: (mark) => writeFileSync(join(path, 'src/file7.js'), `export const mark = '${mark}';\n`) };
}

/** A context of small files in directories of a hundred, all of which change. */
export function manyFilesContext(work: string, count: number): BuildContext {
  const path = join(work, `files${count}`);
  const edit = (mark: string) => {
    for (let i = 0; i < count; i += 1) {
      const directory = join(path, `d${Math.floor(i / 100)}`);
      if (i % 100 === 0) mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `f${i}.js`), `export const v${i} = '${mark}';\n`.repeat(20));
    }
  };
  edit('');
  writeFileSync(join(path, 'Dockerfile'), 'FROM scratch\nCOPY . /app\n');
  return { path, edit };
}

/** `randomContext`, with a file whose beginning changes: all of it travels again. */
export function largeContext(work: string, megabytes: number): BuildContext {
  const path = randomContext(work, megabytes);
  return {
    path,
    edit(mark) {
      const file = openSync(join(path, 'data'), 'r+');
      writeSync(file, mark, 0);
      closeSync(file);
    },
  };
}

/** A context of one file of random bytes, which no compression makes smaller. */
export function randomContext(work: string, megabytes: number): string {
  const path = join(work, `random${megabytes}`);
  mkdirSync(path);
  const file = openSync(join(path, 'data'), 'w');
  for (let i = 0; i < megabytes; i += 1) writeSync(file, randomBytes(1 << 20));
  closeSync(file);
  writeFileSync(join(path, 'Dockerfile'), 'FROM scratch\nCOPY data /data\n');
  return path;
}
