/** What a volume's options name, mounted at its directory (moby, volume/local/local_unix.go). */
import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import { FilesError, startFiles } from '../../../host/files-helper.ts';
import { parseMountOptions } from '../../../host/mount-options.ts';
import type { VolumeMount } from './driver-options.ts';

/** A server that has not answered by then is taken for gone. */
const PATIENCE_MS = 90_000;

/**
 * @param helper k3c-files
 * @throws K3cError FAILED_PRECONDITION in docker's words, with the kernel's reason and without passwords
 */
export async function mountVolume(
  helper: string | undefined,
  { type, device, options }: VolumeMount,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const failed = (reason: string, cause?: unknown) =>
    new K3cError(Code.FAILED_PRECONDITION, `error while mounting volume '${target}': ${reason}`, {
      cause,
      hint: 'docker volume options are those of mount(8): see `k3c volume inspect`',
    });
  if (helper === undefined) throw failed('this daemon has no k3c-files to mount it with');
  const { flags, propagation, data } = parseMountOptions(await withAddress(type, options, failed));
  const words = [device, target, type, String(flags), String(propagation), data];
  const late = AbortSignal.timeout(PATIENCE_MS);
  const job = startFiles(helper, ['volume', ...words], AbortSignal.any([signal, late]));
  job.stdin.end();
  job.discard();
  try {
    await job.done;
  } catch (error) {
    if (late.aborted) throw failed(`failed to mount local volume: no answer in ${PATIENCE_MS / 1000} s`, error);
    if (!(error instanceof FilesError)) throw error;
    const shown = [
      `mount ${device}:${target}`,
      ...(flags === 0 ? [] : [`flags: 0x${flags.toString(16)}`]),
      ...(data === '' ? [] : [`data: ${data.replace(/\b(password|pass)=[^,]*/g, '$1=********')}`]),
    ];
    throw failed(`failed to mount local volume: ${shown.join(', ')}: ${reasonOf(error)}`);
  }
}

/** The last words of k3c-files, as the kernel's are written in a sentence. */
function reasonOf({ message }: FilesError): string {
  const reason = message.slice(message.lastIndexOf(': ') + 2);
  return reason.charAt(0).toLowerCase() + reason.slice(1);
}

/** The kernel takes addresses only; docker looks names up in `addr=`. */
async function withAddress(
  type: string,
  options: string,
  failed: (reason: string, cause: unknown) => K3cError,
): Promise<string> {
  const name = /(?:^|,)addr=([^,]+)/.exec(options)?.[1];
  if (!['nfs', 'cifs'].includes(type) || name === undefined || isIPv4(name)) return options;
  try {
    const { address } = await lookup(name);
    return options.replace(`addr=${name}`, `addr=${address}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw failed(`error resolving passed in network volume address: lookup ${name}: ${code}`, error);
  }
}
