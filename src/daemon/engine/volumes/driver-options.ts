/** Options of the local driver, with docker's checks and sentences (moby, volume/local/local_unix.go). */
import { Code, K3cError } from '../../../api/errors.ts';

export type DriverOptions = Readonly<Record<string, string>>;

const KNOWN = ['type', 'o', 'device', 'size'];
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  device: ['type'],
  type: ['device'],
  o: ['device', 'type'],
};

/** @param name of the volume, for the sentence. Throws INVALID_ARGUMENT, NOT_FOUND for a driver that is none of ours. */
export function checkDriver(name: string, driver: string, options: DriverOptions): void {
  if (driver !== '' && driver !== 'local') {
    throw new K3cError(
      Code.NOT_FOUND,
      `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
      { reason: 'bad-input', hint: 'k3c has the driver local; it mounts what its options type, device and o name' },
    );
  }
  const refuse = (why: string) => {
    throw new K3cError(Code.INVALID_ARGUMENT, `create ${name}: ${why}`, { reason: 'bad-input' });
  };
  const given = Object.keys(options);
  for (const option of given) if (!KNOWN.includes(option)) refuse(`invalid option: "${option}"`);
  if (options['size'] !== undefined) refuse('quota size requested but no quota support');
  if (options['type'] === 'cifs' && hasPort(options['device'] ?? ''))
    refuse("port not allowed in CIFS device URL, include 'port' in 'o='");
  for (const option of given) {
    const missing = REQUIRED[option]?.find((other) => !Object.hasOwn(options, other));
    if (missing !== undefined) refuse(`missing required option: "${missing}"`);
  }
}

function hasPort(device: string): boolean {
  return /^\/\/[^/]*:\d+(\/|$)/.test(device);
}

export interface VolumeMount {
  readonly type: string;
  readonly device: string;
  /** As mount(8) takes them. */
  readonly options: string;
}

/** What a volume mounts; undefined for one that is a directory of our own. */
export function mountOf(options: DriverOptions): VolumeMount | undefined {
  const { type = '', device = '', o = '' } = options;
  return type === '' && device === '' ? undefined : { type, device, options: o };
}
