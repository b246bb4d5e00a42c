/**
 * The FIFOs that containerd's CRI makes for a container, and how ours take their place while the shim opens them.
 *
 * CRI makes `<state>/io.containerd.grpc.v1.cri/containers/<id>/io/<random>/<id>-{stdin,stdout,stderr}` at CreateContainer and
 * keeps its own ends open by inode, but gives the shim *paths* at StartContainer. Another inode at those paths in between
 * is what the shim opens: the streams are ours from the first byte, and CRI keeps the container's life cycle.
 * The layout is a private detail of containerd 2.4.2 (internal/cri/io/helpers.go, pkg/cio/io_unix.go), hence `selfTestLayout`.
 *
 * All of it is synchronous on purpose: a dozen system calls on a tmpfs take 0.1 ms, as many trips to the thread pool 1 ms,
 * on the path of every start.
 */
import { type Dirent, linkSync, lstatSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../api/errors.ts';
import { wakeFifoReaders } from '../../host/fifo.ts';

export const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

/** Paths of our FIFOs, for the streams that a process has. */
export type FifoPaths = Readonly<Partial<Record<(typeof STREAMS)[number], string>>>;

function containersDir(containerdState: string): string {
  return join(containerdState, 'io.containerd.grpc.v1.cri', 'containers');
}

/** Where CRI's own FIFO waits while ours has its name. */
const parked = (dir: string, stream: string) => join(dir, `cri-${stream}`);

/** The FIFO directories of a container: more than one when containerd was restarted before the container was started. */
function ioDirs(containerdState: string, criId: string): string[] {
  const io = join(containersDir(containerdState), criId, 'io');
  return directories(io).map((name) => join(io, name));
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).filter(isDirectory).map(nameOf);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Says whether a created container's FIFOs are where this code believes them to be.
 *
 * @throws K3cError FAILED_PRECONDITION: this is not the containerd k3c was built for
 */
function selfTestLayout(containerdState: string, criId: string, streams: readonly string[]): void {
  const complete = ioDirs(containerdState, criId).some((dir) =>
    streams.every((stream) => isFifo(join(dir, `${criId}-${stream}`))),
  );
  if (complete) return;
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    `containerd did not make the FIFOs of container ${criId} under ${join(containersDir(containerdState), criId, 'io')}`,
    { hint: 'k3c works with the containerd it brings; check that no other one serves its state directory' },
  );
}

/**
 * Puts our FIFOs at CRI's paths. Between CreateContainer and StartContainer.
 *
 * @throws K3cError FAILED_PRECONDITION for an unknown layout, with nothing changed
 */
export function swapFifos(containerdState: string, criId: string, ours: FifoPaths): void {
  const streams = STREAMS.filter((stream) => ours[stream] !== undefined);
  selfTestLayout(containerdState, criId, streams);
  for (const dir of ioDirs(containerdState, criId)) {
    for (const stream of streams) {
      const path = join(dir, `${criId}-${stream}`);
      const own = ours[stream];
      // A directory of an earlier containerd may be incomplete.
      if (own === undefined || !isFifo(path)) continue;
      renameSync(path, parked(dir, stream));
      linkSync(own, path);
    }
  }
}

/**
 * Gives CRI its FIFOs back and lets its readers see their end, which frees three files and two threads of containerd
 * a container. At once after StartContainer returned: a containerd that restarts opens these paths and would take bytes
 * from ours. CRI itself removes them some 20 ms after a short container has ended, so what is missing is no error.
 */
export function restoreFifos(containerdState: string, criId: string): void {
  for (const dir of ioDirs(containerdState, criId)) {
    for (const stream of STREAMS) {
      const path = join(dir, `${criId}-${stream}`);
      try {
        renameSync(parked(dir, stream), path);
      } catch (error) {
        if (isMissing(error)) continue;
        throw error;
      }
      // CRI writes stdin and would never read from it.
      if (stream !== 'stdin') wakeFifoReaders(path);
    }
  }
}

/**
 * Puts back what a daemon that was killed between the two steps above has left. Before every start of containerd.
 *
 * @param containerdState containerd's state directory; it need not exist yet
 */
export async function repairFifos(containerdState: string): Promise<void> {
  const root = containersDir(containerdState);
  for (const criId of await list(root)) {
    const io = join(root, criId, 'io');
    for (const name of await list(io)) {
      const dir = join(io, name);
      for (const entry of await list(dir)) {
        const stream = STREAMS.find((candidate) => entry === `cri-${candidate}`);
        if (stream !== undefined) await rename(join(dir, entry), join(dir, `${criId}-${stream}`));
      }
    }
  }
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    // Not a directory: something that is none of ours.
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Removes FIFOs of ours; those that are gone already are no error. */
export function removeFifos(paths: FifoPaths): void {
  for (const path of Object.values(paths)) {
    try {
      unlinkSync(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

/** Whether there is a FIFO at the path. */
export function isFifo(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

const isDirectory = (entry: Dirent) => entry.isDirectory();
const nameOf = (entry: Dirent) => entry.name;
