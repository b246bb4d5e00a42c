/** --device: what CRI is asked for. CRI passes over what is no device and says little of what is missing, so it is looked at first. */
import { lstat, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../../../api/errors.ts';
import type { DeviceSpec } from '../../../state/spec.ts';

/**
 * The devices to ask for, links resolved; a directory stands for all devices in it. A privileged container has those of the
 * host under their own names already, with every permission.
 * Throws INVALID_ARGUMENT in docker's words (moby, oci/devices_linux.go) where one is missing or is no device.
 */
export async function hostDevices(devices: readonly DeviceSpec[], privileged: boolean): Promise<DeviceSpec[]> {
  const wanted = privileged
    ? devices
        .filter(({ hostPath, containerPath }) => hostPath !== containerPath)
        .map((device) => ({ ...device, permissions: 'rwm' }))
    : devices;
  return Promise.all(wanted.map(async (device) => ({ ...device, hostPath: await devicePath(device.hostPath) })));
}

async function devicePath(hostPath: string): Promise<string> {
  const refused = (detail: string, cause?: unknown) =>
    new K3cError(
      Code.INVALID_ARGUMENT,
      `error gathering device information while adding custom device "${hostPath}": ${detail}`,
      { reason: 'bad-input', cause },
    );
  let path: string;
  try {
    path = await realpath(hostPath);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw refused(code === 'ENOENT' ? 'no such file or directory' : message, cause);
  }
  if (!(await holdsDevice(path))) throw refused('not a device node');
  return path;
}

/** Whether a path is a device, or a directory with one somewhere in it. */
async function holdsDevice(path: string): Promise<boolean> {
  const found = await lstat(path);
  if (found.isCharacterDevice() || found.isBlockDevice() || found.isFIFO()) return true;
  if (!found.isDirectory()) return false;
  for (const name of await readdir(path)) if (await holdsDevice(join(path, name))) return true;
  return false;
}
