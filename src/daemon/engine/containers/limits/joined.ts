/** Whose namespaces a container is to share: of another container, looked up at every start, for each start gives it new ones. */
import { Code, K3cError } from '../../../../api/errors.ts';
import type { IsolationSpec } from '../../../state/spec.ts';
import type { EngineContext } from '../context.ts';
import { findContainer } from '../identity.ts';
import { readOciSpec } from '../oci-spec-store.ts';
import { processId } from '../process-id.ts';

export interface JoinedNamespaces {
  /** Path of the PID namespace of another container. */
  readonly pid?: string;
  /** Of its IPC namespace, with the directory that it has at /dev/shm. */
  readonly ipc?: { readonly path: string; readonly shm: string };
}

type Context = Pick<EngineContext, 'containerd' | 'state' | 'live'>;

/** Finds them. docker's sentences where the other container is not there, does not run, or keeps its IPC to itself. */
export async function joinNamespaces(
  context: Context,
  { pidMode, ipcMode }: Pick<IsolationSpec, 'pidMode' | 'ipcMode'>,
): Promise<JoinedNamespaces> {
  const pidDonor = donor(pidMode);
  const ipcDonor = donor(ipcMode);
  return {
    ...(pidDonor === undefined ? {} : { pid: await within('PID', () => namespaceOf(context, pidDonor, 'pid')) }),
    ...(ipcDonor === undefined ? {} : { ipc: await within('IPC', () => ipcOf(context, ipcDonor)) }),
  };
}

/** The container that a mode names. */
function donor(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

async function within<T>(kind: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof K3cError)) throw error;
    const { reason, hint, message } = error;
    // Not found is the other one, and not what the user asked to start.
    const code = error.code === Code.NOT_FOUND ? Code.INVALID_ARGUMENT : error.code;
    throw new K3cError(code, `failed to join ${kind} namespace: ${message}`, { reason, hint, cause: error });
  }
}

async function namespaceOf(context: Context, reference: string, kind: 'pid' | 'ipc'): Promise<string> {
  const { criId } = runningDonor(context, reference);
  return `/proc/${await processId(context, criId)}/ns/${kind}`;
}

async function ipcOf(context: Context, reference: string): Promise<{ path: string; shm: string }> {
  const { criId, shares } = runningDonor(context, reference);
  const [path, { oci }] = await Promise.all([
    namespaceOf(context, reference, 'ipc'),
    readOciSpec(context.containerd, criId),
  ]);
  const shm = oci.mounts.find(({ destination, type }) => destination === '/dev/shm' && type === 'bind')?.source;
  if (shares && shm !== undefined) return { path, shm };
  throw new K3cError(
    Code.INVALID_ARGUMENT,
    `container ${reference}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    { reason: 'bad-input' },
  );
}

function runningDonor(context: Context, reference: string): { readonly criId: string; readonly shares: boolean } {
  const record = findContainer(context.state.containers, reference);
  const live = context.live.get(record.id);
  if (live === undefined) {
    const restarting = record.state === 'restarting';
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      restarting
        ? `Container ${reference} is restarting, wait until the container is running`
        : `container ${reference} is not running`,
      { reason: 'container-not-running' },
    );
  }
  return { criId: live.criId, shares: !['', 'private', 'none'].includes(record.spec.isolation.ipcMode) };
}
