/** `--platform os/arch[/variant]` as docker takes it. */
import { Code, K3cError } from '../../../api/errors.ts';
import { hostPlatform, normalizePlatform, type Platform } from './oci.ts';

const part = /^[A-Za-z0-9_.-]+$/;
const knownSystems = new Set(['linux', 'windows', 'darwin', 'freebsd', 'wasi']);

/** Parses a platform; `linux` or `arm64` alone is completed from the host's. Throws INVALID_ARGUMENT. */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [first = '', second, variant] = parts;
  if (parts.length > 3 || parts.some((each) => !part.test(each))) {
    throw new K3cError(Code.INVALID_ARGUMENT, `${JSON.stringify(text)} is not a platform`, {
      reason: 'bad-input',
      hint: 'write it as os/arch or os/arch/variant, for example linux/arm64',
    });
  }
  const host = hostPlatform();
  if (second === undefined) {
    const lower = first.toLowerCase();
    return knownSystems.has(lower)
      ? { os: lower, architecture: host.architecture }
      : normalizePlatform({ os: host.os, architecture: lower });
  }
  return normalizePlatform({ os: first.toLowerCase(), architecture: second.toLowerCase(), variant });
}
