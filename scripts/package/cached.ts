import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The SHA-256 of all parts, in hex; parts are told apart by their lengths. */
export function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex');
}

/** Writes a file beside its place and renames it there, so that a killed build leaves no half file. */
export function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode });
  renameSync(temporary, path);
}

/**
 * Runs `make` unless `output` exists and was made from the same inputs. The stamp beside it is removed before and
 * written after, so a build that was killed is made again.
 */
export async function madeFrom(output: string, inputs: string, make: () => void | Promise<void>): Promise<boolean> {
  const stamp = join(dirname(output), `.${output.slice(output.lastIndexOf('/') + 1)}.inputs`);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return false;
  mkdirSync(dirname(output), { recursive: true });
  rmSync(stamp, { force: true });
  await make();
  writeWhole(stamp, inputs);
  return true;
}
