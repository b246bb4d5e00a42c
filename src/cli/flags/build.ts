/** The flags of `build` that have a grammar of their own (docker/buildx util/buildflags). All throw Error with the reason. */
import { resolve } from 'node:path';
import type { OutputOption, SshOption } from '../../client/build/request/options.ts';
import type { SecretSource } from '../../client/build/session/services.ts';
import type { TypedAttributes } from '../../client/build/solve.ts';
import { csvFields, csvPairs, toCsv } from './csv.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** `-o DIR`, `-o -`, `-o type=…,dest=…,key=value` */
export function parseOutput(text: string): OutputOption {
  if (!text.startsWith('type=') && csvFields(text).length === 1) {
    if (text === '-') return { type: 'tar', destination: '-', attributes: {} };
    return { type: 'local', destination: text, attributes: {} };
  }
  const { type, dest, ...attributes } = Object.fromEntries(csvPairs(text));
  if (type === undefined || type === '') throw new Error('type is required for output');
  return { type, destination: dest ?? '', attributes };
}

/** `--cache-from`, `--cache-to`: image names, or `type=…,key=value`. */
export function parseCache(text: string): TypedAttributes[] {
  if (!text.includes('=')) return csvFields(text).map((ref) => ({ type: 'registry', attributes: { ref } }));
  const { type, ...attributes } = Object.fromEntries(csvPairs(text));
  if (type === undefined || type === '') throw new Error(`type required for ${JSON.stringify(text)}`);
  return [{ type, attributes }];
}

/** A secret as named by `--secret`, before its source is known. */
export interface SecretOption {
  readonly id: string;
  readonly file: string | undefined;
  readonly variable: string | undefined;
}

/** `--secret id=ID[,src=FILE][,env=VARIABLE][,type=file|env]` */
export function parseSecret(text: string): SecretOption {
  const known: Record<string, string> = {};
  for (const [key, value] of csvPairs(text)) {
    if (key === 'type' && value !== 'file' && value !== 'env') throw new Error(`unsupported secret type "${value}"`);
    if (!['type', 'id', 'src', 'source', 'env'].includes(key)) throw new Error(`unexpected key '${key}' in '${text}'`);
    known[key === 'source' ? 'src' : key] = value;
  }
  const { id, src, env, type } = known;
  if (id === undefined || id === '') throw new Error(`secret missing id: ${text}`);
  if (type === 'env' && env === undefined) return { id, file: undefined, variable: src };
  return { id, file: src, variable: env };
}

/** Where a secret comes from: as named, else the variable of the name of its id, else the file of that name. */
export function secretSource(option: SecretOption, env: Environment, cwd: string): SecretSource {
  const named = option.variable ?? (option.file === undefined && env[option.id] !== undefined ? option.id : undefined);
  if (named !== undefined) return { value: Buffer.from(env[named] ?? '', 'utf8') };
  return { file: resolve(cwd, option.file ?? option.id) };
}

/** `--ssh default`, `--ssh ID=SOCKET` */
export function parseSsh(text: string): SshOption {
  const equals = text.indexOf('=');
  if (equals < 0) return { id: text, paths: [] };
  return { id: text.slice(0, equals), paths: text.slice(equals + 1).split(',') };
}

/** `KEY=VALUE`, or `KEY` alone. */
export function parsePair(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid key-value pair ${JSON.stringify(text)}: empty key`);
  return text;
}

/** `--build-context NAME=VALUE` */
export function parseNamedContext(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1) throw new Error(`invalid context value: ${text}, expected key=value`);
  return [text.slice(0, equals).trim(), text.slice(equals + 1)];
}

/** `--ulimit name=soft[:hard]` */
export function parseUlimit(text: string): string {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw new Error(`invalid ulimit argument: ${text}`);
  const [, name = '', soft = '', hard = soft] = match;
  return `${name}=${soft}:${hard}`;
}

/** An attestation by its type; undefined attributes turn it off. */
export interface AttestationOption {
  readonly type: string;
  readonly attributes: string | undefined;
}

/** `--attest type=sbom,key=value` */
export function parseAttestation(text: string): AttestationOption {
  const pairs = csvPairs(text);
  const type = pairs.find(([key]) => key === 'type')?.[1];
  if (type === undefined || type === '') throw new Error(`attestation type not specified: ${text}`);
  if (pairs.some(([key, value]) => key === 'disabled' && isTrue(value))) return { type, attributes: undefined };
  return { type, attributes: toCsv(pairs.filter(([key]) => key !== 'disabled')) };
}

/** `--sbom` and `--provenance`: true, false, or the attributes. */
export function parseAttestationOf(type: string): (text: string) => AttestationOption {
  return (text) => {
    if (isTrue(text) || text === '') return { type, attributes: `type=${type}` };
    if (/^(0|f|false)$/i.test(text)) return { type, attributes: undefined };
    return parseAttestation(`type=${type},${text}`);
  };
}

/** A question to the frontend instead of a build. */
export interface CallOption {
  /** As BuildKit names it; `build` is no question. */
  readonly name: string;
  /** `json`, or empty for text. */
  readonly format: string;
  /** Exit with 0 whatever was found. */
  readonly ignoreStatus: boolean;
}

/** `--call check|outline|targets[,format=json][,ignorestatus=true]` */
export function parseCall(text: string): CallOption {
  let name = '';
  let format = '';
  let ignoreStatus = false;
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = field.slice(0, Math.max(equals, 0));
    const rest = field.slice(equals + 1);
    if (equals < 0 && name === '') name = field;
    else if (equals < 0) throw new Error(`invalid print value: ${text}`);
    else if (key === 'format') format = rest;
    else if (key === 'ignorestatus') ignoreStatus = isTrue(rest);
    else throw new Error(`invalid print field: ${field}`);
  }
  return { name: name === 'check' ? 'lint' : name || 'build', format, ignoreStatus };
}

function isTrue(text: string): boolean {
  return /^(1|t|true)$/i.test(text);
}
