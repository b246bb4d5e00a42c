/** --device, --device-cgroup-rule and --gpus as docker reads them (docker/cli, cli/command/container/opts.go, opts/gpus.go). */
import { glob } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Device } from '../../api/gen/k3c.ts';
import { csvFields } from './csv.ts';

const RULE = /^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/;
/** vendor.com/class=name (container-device-interface, pkg/parser). */
const CDI_NAME = /^[A-Za-z]([\w.-]*[A-Za-z0-9])?\/[A-Za-z]([\w.-]*[A-Za-z0-9])?=[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/;
/** Who describes the GPUs of a driver, and under which kind. */
const GPU_KINDS: Readonly<Record<string, string>> = {
  '': 'nvidia.com/gpu',
  nvidia: 'nvidia.com/gpu',
  amd: 'amd.com/gpu',
};

/** Whether a --device names what a CDI specification describes, and not a path. */
export function isCdiName(text: string): boolean {
  return CDI_NAME.test(text);
}

/**
 * HOST[:CONTAINER][:rwm]; a host path that ends with `*` stands for all that match it on this machine.
 * Throws Error with docker's sentences.
 */
export async function parseDevice(text: string): Promise<Device[]> {
  const [hostPath = '', second, third, ...rest] = text.split(':');
  if (rest.length > 0 || hostPath === '') throw new Error(`bad format for path: ${text}`);
  let containerPath = '';
  let permissions = 'rwm';
  if (third !== undefined) {
    if (!isMode(third)) throw new Error(`bad mode specified: ${third}`);
    permissions = third;
    containerPath = second ?? '';
  } else if (second !== undefined && isMode(second)) permissions = second;
  else containerPath = second ?? '';
  const named = containerPath || (second === undefined || isMode(second) ? hostPath : '');
  if (!posix.isAbsolute(named)) throw new Error(`${named} is not an absolute path`);
  if (!hostPath.endsWith('*'))
    return [{ hostPath, containerPath: posix.normalize(containerPath || hostPath), permissions }];
  if (containerPath !== '') throw new Error(`device with * suffix can't have dst: ${text}`);
  const paths: string[] = [];
  for await (const path of glob(hostPath)) paths.push(path);
  return paths.sort().map((path) => ({ hostPath: path, containerPath: path, permissions }));
}

function isMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** TYPE MAJOR:MINOR MODE. Throws Error with docker's sentence. */
export function checkDeviceCgroupRule(text: string): string {
  if (!RULE.test(text)) throw new Error(`invalid device cgroup format '${text}'`);
  return text;
}

/**
 * The CDI names of a --gpus: `all`, a number, or count=, device= and driver= in one line of CSV.
 * Throws Error with docker's sentences, and for what a CDI specification leaves no choice of.
 */
export function parseGpus(text: string): string[] {
  const seen = new Map<string, string>();
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = equals < 0 ? 'count' : field.slice(0, equals);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    if (!['count', 'device', 'driver', 'capabilities', 'options'].includes(key))
      throw new Error(`unexpected key '${key}' in '${field}'`);
    seen.set(key, equals < 0 ? field : field.slice(equals + 1));
  }
  const count = seen.get('count');
  const wanted = count === undefined ? undefined : parseCount(count);
  for (const key of ['capabilities', 'options'])
    if (seen.has(key)) throw new Error(`k3c gives a GPU with all that its CDI specification says: leave out '${key}'`);
  const driver = seen.get('driver') ?? '';
  const ids = seen.get('device')?.split(',');
  if (ids !== undefined && wanted !== undefined && wanted !== 0)
    throw new Error('cannot set both Count and DeviceIDs on device request');
  const kind = GPU_KINDS[driver];
  if (driver === 'cdi' ? ids?.every(isCdiName) !== true : kind === undefined)
    throw new Error(`could not select device driver "${driver}" with capabilities: [[gpu]]`);
  if (ids !== undefined) return ids.map((id) => (isCdiName(id) ? id : `${kind}=${id}`));
  if (wanted === 'all') return [`${kind}=all`];
  return Array.from({ length: wanted ?? 1 }, (_, index) => `${kind}=${index}`);
}

/** docker takes any number below zero for all. */
function parseCount(text: string): number | 'all' {
  if (text === 'all') return 'all';
  if (!/^[+-]?\d+$/.test(text))
    throw new Error(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
  const count = Number(text);
  if (count > 1024) throw new Error(`invalid count (${text}): there is no machine with more than 1024 GPUs`);
  return count < 0 ? 'all' : count;
}
