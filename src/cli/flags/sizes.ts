/** Sizes and counts as docker takes them. */

const UNITS: Readonly<Record<string, bigint>> = {
  '': 1n,
  k: 1n << 10n,
  m: 1n << 20n,
  g: 1n << 30n,
  t: 1n << 40n,
  p: 1n << 50n,
};

/**
 * Bytes of a memory size: `512m`, `1.5GiB`, `64 MB`; units are powers of 1024 (docker/go-units RAMInBytes).
 * Throws Error with docker's sentence.
 */
export function parseBytes(text: string): bigint {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?b)?$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? ''];
  if (match === null || unit === undefined) throw new Error(`invalid size: '${text}'`);
  const [whole = '0', fraction = ''] = (match[1] ?? '').split('.');
  const scale = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * unit) / scale;
}

/** Processors in units of 1e-9, as `--cpus 1.5` counts them. Throws Error with docker's sentences. */
export function parseCpus(text: string): bigint {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null || (match[1] === '' && (match[2] ?? '') === '')) {
    throw new Error(`failed to parse ${text} as a rational number`);
  }
  const fraction = match[2] ?? '';
  if (/[1-9]/.test(fraction.slice(9))) throw new Error('value is too precise');
  return BigInt(match[1] || '0') * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/** A whole number of 32 bits, as Go's strconv reads it. Throws Error with its sentence. */
export function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (value < -0x8000_0000 || value > 0x7fff_ffff) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}
