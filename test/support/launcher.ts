/** The launcher around a program of a few kilobytes, so that its tests do not wait for the real one. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildLauncher } from '../../scripts/package/launcher.ts';
import { packPayload } from '../../scripts/package/payload.ts';

/** Prints one line with its arguments behind the launcher's `--` and the variables that the launcher sets, and exits with 42. */
const program = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const char *value(const char *name) { return getenv(name) ? getenv(name) : "-"; }
int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "--") != 0) return 43;
  printf("own program:");
  for (int i = 2; i < argc; i++) printf(" %s", argv[i]);
  printf(" self=%s netlink=%s\\n", value("K3C_SELF"), value("K3C_NL_FD"));
  return 42;
}
`;

export interface TinyK3c {
  readonly path: string;
  readonly directory: string;
  /** The environment in which it unpacks beside itself. */
  readonly env: Readonly<Record<string, string>>;
  dispose(): void;
}

export async function tinyK3c(): Promise<TinyK3c> {
  const directory = mkdtempSync('/tmp/k3c-launcher-');
  const source = join(directory, 'program.c');
  const app = join(directory, 'program');
  writeFileSync(source, program);
  execFileSync('gcc', ['-s', '-o', app, source]);
  execFileSync('patchelf', ['--force-rpath', '--set-rpath', '$ORIGIN', app]);
  const { launcher } = await buildLauncher();
  const library = (name: string) => readFileSync(realpathSync(join('/lib/x86_64-linux-gnu', name)));
  const { packed } = await packPayload(readFileSync(launcher), [
    { name: 'k3c', mode: 0o555, content: readFileSync(app) },
    { name: 'libc.so.6', mode: 0o555, content: library('libc.so.6') },
    { name: 'ld-linux-x86-64.so.2', mode: 0o555, content: library('ld-linux-x86-64.so.2') },
  ]);
  const path = join(directory, 'k3c');
  writeFileSync(path, packed);
  chmodSync(path, 0o755);
  return {
    path,
    directory,
    env: { PATH: process.env['PATH'] ?? '', K3C_UNPACK_DIR: join(directory, 'rt'), K3C_DOOR: 'off' },
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
}
