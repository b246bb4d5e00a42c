/**
 * How containers ended that ended while no containerd was there. The shim writes it into its bundle (exit.json), but a
 * containerd that starts takes a shim without processes for a leaked one and removes it, note and all; CRI then says 255,
 * `Unknown`. So the notes are read before every start of containerd.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRfc3339 } from '../../host/rfc3339.ts';
import { NAMESPACE } from './containerd.ts';

export interface ExitNote {
  readonly exitCode: number;
  /** Nanoseconds since the epoch. */
  readonly exitedAt: bigint;
}

/** CRI's words for an exit that it knows nothing of (containerd, internal/cri/server/helpers.go). */
const UNKNOWN = { exitCode: 255, reason: 'Unknown' };

export class ExitNotes {
  readonly #bundles: string;
  readonly #notes = new Map<string, ExitNote>();

  /** @param containerdState containerd's state directory; it need not exist yet */
  constructor(containerdState: string) {
    this.#bundles = join(containerdState, 'io.containerd.runtime.v2.task', NAMESPACE);
  }

  /** Reads the notes that are there. Before every start of containerd. */
  async collect(): Promise<void> {
    const names = await readdir(this.#bundles).catch(absent);
    for (const criId of names ?? []) {
      const text = await readFile(join(this.#bundles, criId, 'exit.json'), 'utf8').catch(absent);
      const note = text === undefined ? undefined : parseNote(text);
      if (note !== undefined) this.#notes.set(criId, note);
    }
  }

  /** The exit of a container as CRI tells it, or as its shim did where CRI does not know. Each note is given once. */
  correct<E extends ExitNote & { readonly reason: string }>(criId: string, exit: E): E {
    const note = this.#notes.get(criId);
    this.#notes.delete(criId);
    if (note === undefined || exit.reason !== UNKNOWN.reason || exit.exitCode !== UNKNOWN.exitCode) return exit;
    return { ...exit, ...note, reason: note.exitCode === 0 ? 'Completed' : 'Error' };
  }
}

/** Undefined for what no shim writes: it renames a finished file to its place. */
function parseNote(text: string): ExitNote | undefined {
  let value: { readonly Timestamp?: unknown; readonly Status?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    // A disk that was full.
    return undefined;
  }
  const exitedAt = typeof value.Timestamp === 'string' ? parseRfc3339(value.Timestamp) : undefined;
  if (exitedAt === undefined || typeof value.Status !== 'number') return undefined;
  return { exitCode: value.Status, exitedAt };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
