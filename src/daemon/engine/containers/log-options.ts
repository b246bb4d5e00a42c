/** docker's --log-driver and --log-opt: which of them k3c has, and what they mean. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { LogSpec } from '../../state/spec.ts';
import { DEFAULT_LOG_LIMITS } from '../streams/log-files.ts';
import type { LogLimits } from '../streams/types.ts';

/**
 * Both names mean the same files: docker's own driver in what it can do, in the format of CRI. `none` keeps nothing.
 */
const FILE_DRIVERS = ['json-file', 'k8s-file'];

/** A multiple of 1000, as docker reads sizes of logs (go-units, FromHumanSize). */
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** What is not kept; docker's default driver in inspect. */
export const DEFAULT_DRIVER = 'json-file';

/**
 * Checks what a user asked for. An empty driver is the default.
 *
 * @throws K3cError INVALID_ARGUMENT in docker's words
 */
export function checkLogOptions({ driver, options }: LogSpec): void {
  const names = Object.keys(options);
  if (driver === 'none') {
    if (names.length > 0) throw invalid('invalid logging opts for driver none');
    return;
  }
  if (driver !== '' && !FILE_DRIVERS.includes(driver))
    throw invalid(`k3c has no log driver '${driver}'`, 'use json-file (the default), k8s-file or none');
  for (const name of names) check(name, options[name] ?? '', driver || DEFAULT_DRIVER);
}

function check(name: string, value: string, driver: string): void {
  if (name === 'max-size') {
    const bytes = parseSize(value);
    if (bytes === undefined) throw invalid(`invalid size: '${value}'`);
    if (bytes <= 0) throw invalid('max-size must be a positive number');
  } else if (name === 'max-file') {
    if (!/^[+-]?\d+$/.test(value)) throw invalid(`max-file: '${value}' is no number`);
    if (Number(value) < 1) throw invalid('max-file cannot be less than 1');
  } else if (name === 'mode') {
    if (value !== 'blocking' && value !== '')
      throw invalid(`k3c writes logs in mode 'blocking' and not '${value}'`, 'leave the option out');
  } else if (name === 'compress') {
    if (value !== 'false') throw invalid('k3c does not compress logs', 'leave the option out');
  } else if (name !== 'labels' && name !== 'env') {
    throw invalid(`unknown log opt '${name}' for ${driver} log driver`);
  }
}

/**
 * When a log is full. As in docker, a size without a number of files means one file; k3c's own limits take the place of
 * docker's endless file where no size is given.
 */
export function logLimits({ options }: LogSpec): LogLimits {
  const size = options['max-size'];
  const files = options['max-file'];
  return {
    maxBytes: size === undefined ? DEFAULT_LOG_LIMITS.maxBytes : (parseSize(size) ?? DEFAULT_LOG_LIMITS.maxBytes),
    maxFiles: files !== undefined ? Number(files) : size === undefined ? DEFAULT_LOG_LIMITS.maxFiles : 1,
  };
}

/**
 * What `logs --details` puts before every line: the labels and variables that the log options name, as docker writes them
 * (`a=b,c=d`, escaped as in a query). Empty where none is named or the container has none of them.
 */
export function logDetails(
  { options }: LogSpec,
  config: { readonly labels: Readonly<Record<string, string>>; readonly env: readonly string[] },
): string {
  const found = new Map<string, string>();
  for (const name of list(options['labels'])) {
    const value = config.labels[name];
    if (value !== undefined) found.set(name, value);
  }
  for (const name of list(options['env'])) {
    const entry = config.env.find((variable) => variable.startsWith(`${name}=`));
    if (entry !== undefined) found.set(name, entry.slice(name.length + 1));
  }
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${queryEscape(name)}=${queryEscape(value)}`)
    .join(',');
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((name) => name !== '');
}

/** As Go's url.QueryEscape. */
function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function parseSize(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?) ?([kmgt]?)b?$/i.exec(text);
  return match === null ? undefined : Math.trunc(Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1));
}

function invalid(message: string, hint?: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', ...(hint === undefined ? {} : { hint }) });
}
