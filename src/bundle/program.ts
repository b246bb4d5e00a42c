import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { isSea } from 'node:sea';

/** Whether this is the packaged executable (else the sources run under a Node of their own). */
export function isPackaged(): boolean {
  return isSea();
}

/** A path in the repository, for a program that runs from its sources. */
export function sourcePath(...parts: readonly string[]): string {
  return join(import.meta.dirname, '../..', ...parts);
}

/** Where the launcher unpacked the executable and the files beside it. Only for the packaged form. */
export function unpackedDirectory(): string {
  return dirname(process.execPath);
}

/** The path of better-sqlite3's native addon. */
function sqliteAddonPath(): string {
  if (isPackaged()) return join(unpackedDirectory(), 'better_sqlite3.node');
  return sourcePath('node_modules/better-sqlite3/prebuilds/linux-x64.node');
}

/**
 * Loads better-sqlite3's native addon, to be passed as its option `nativeBinding`. A path does not do there: the
 * `require` of a single executable knows only Node's own modules.
 */
export function loadSqliteAddon(): object {
  const path = sqliteAddonPath();
  return createRequire(path)(path) as object;
}

/**
 * The helper that ties a child to its parent's life: `k3c-child PARENT-PID SIGNAL-NUMBER COMMAND ARG…` becomes COMMAND,
 * which gets the signal as soon as the parent is gone (src/launcher/README.md). From sources it is
 * where `npm run build` put it.
 */
export function childHelperPath(): string {
  return isPackaged() ? join(unpackedDirectory(), 'k3c-child') : sourcePath('dist/launcher/k3c-child');
}

/**
 * The program that reads and writes files of containers and users as tar (src/launcher/README.md); the daemon runs it as root
 * inside containers' roots, a client as its user on the user's own files.
 */
export function filesHelperPath(): string {
  return isPackaged() ? join(unpackedDirectory(), 'k3c-files') : sourcePath('dist/launcher/k3c-files');
}

/**
 * The digest that names what this program was unpacked from (hex, 16 bytes), undefined from sources. Two builds with the
 * same digest are the same program: the front door does commands for no other.
 */
export function payloadDigest(): string | undefined {
  return isPackaged() ? basename(unpackedDirectory()) : undefined;
}
