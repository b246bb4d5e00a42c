/**
 * Image references as docker and the distribution project define them: [domain/]path[:tag][@digest], with Docker Hub's
 * short forms. Grammar: https://github.com/distribution/reference (v0.6), which docker, containerd and CRI share.
 */
import { Code, K3cError } from './errors.ts';

/** A parsed reference in normalised form: the domain is always there, a tag or digest only where it was written. */
export interface Reference {
  /** Registry host, with port where one was given: docker.io, localhost:5000 */
  readonly domain: string;
  /** Repository below the domain: library/busybox */
  readonly path: string;
  readonly tag?: string;
  /** algorithm:hex */
  readonly digest?: string;
}

/**
 * The repository that BuildKit names a build without a name after, with its digest: the record keeps the image alive and
 * lets CRI find it. Users see no name.
 */
export const UNNAMED_REPOSITORY = 'localhost/none';

/** Whether a record only keeps an image that was built without a name. */
export function isUnnamed(name: string): boolean {
  return name.startsWith(`${UNNAMED_REPOSITORY}@`);
}

const HUB = 'docker.io';
const HUB_LEGACY = 'index.docker.io';
const OFFICIAL = 'library/';
const DEFAULT_TAG = 'latest';
const MAX_PATH = 255;

const domainLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domainPattern = new RegExp(`^(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestShape = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
/** Digest algorithms of the OCI image spec with the number of hex digits each has. */
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

function invalid(message: string, hint?: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', hint });
}

/** Whether a text is a complete digest, e.g. sha256: and 64 hex digits in lower case. */
export function isDigest(text: string): boolean {
  const colon = text.indexOf(':');
  const length = digestLengths[text.slice(0, colon)];
  return length !== undefined && text.length === colon + 1 + length && /^[0-9a-f]+$/.test(text.slice(colon + 1));
}

/**
 * The hex digits (all 64 or a prefix of them) when a text can name an image by id: `sha256:` with digits, or digits
 * alone. Digits alone can be a repository name too (`cafe`), which wins where both exist.
 */
export function imageIdDigits(text: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];
}

/** Whether a text can only be an image id and never a reference. */
export function isImageId(text: string): boolean {
  return /^sha256:[0-9a-f]{1,64}$/.test(text) || /^[0-9a-f]{64}$/.test(text);
}

function splitDomain(name: string): { domain: string; rest: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  let domain = HUB;
  let rest = name;
  // The first part is a host when it cannot be a repository's: it has a dot, a port or capitals, or is localhost.
  if (slash !== -1 && (first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first)) {
    domain = first === HUB_LEGACY ? HUB : first;
    rest = name.slice(slash + 1);
  }
  if (domain === HUB && !rest.includes('/')) rest = OFFICIAL + rest;
  return { domain, rest };
}

/**
 * Parses what a user wrote as an image name.
 *
 * @throws K3cError INVALID_ARGUMENT with docker's sentence; ids are refused here, see imageIdDigits
 */
export function parseReference(text: string): Reference {
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const malformed = () => invalid('invalid reference format', `${JSON.stringify(text)} is not an image name`);
  const { domain, rest } = splitDomain(text);
  const at = rest.indexOf('@');
  const digest = at === -1 ? undefined : rest.slice(at + 1);
  const named = at === -1 ? rest : rest.slice(0, at);
  const colon = named.indexOf(':');
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const path = colon === -1 ? named : named.slice(0, colon);
  if (path !== path.toLowerCase()) {
    throw invalid(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  if (!domainPattern.test(domain) || !pathPattern.test(path)) throw malformed();
  if (path.length > MAX_PATH) throw invalid(`repository name must not be more than ${MAX_PATH} characters`);
  if (tag !== undefined && !tagPattern.test(tag)) throw malformed();
  if (digest !== undefined && !digestShape.test(digest)) throw malformed();
  if (digest !== undefined && !isDigest(digest))
    throw invalid(`invalid checksum digest length or algorithm: ${digest}`);
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** domain/path, without tag and digest. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The full text of a reference, exactly what it holds. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryOf(reference)}${tag}${digest}`;
}

/**
 * A reference as images are recorded in the store: tag `latest` where none was written, and the digest alone where both
 * are (as CRI and docker do).
 */
export function canonical(reference: Reference): Reference {
  const { domain, path, tag, digest } = reference;
  return digest === undefined ? { domain, path, tag: tag ?? DEFAULT_TAG } : { domain, path, digest };
}

/** What a user wrote as the name in the store: busybox → docker.io/library/busybox:latest. Throws as parseReference. */
export function normalize(text: string): string {
  return formatReference(canonical(parseReference(text)));
}

/** The repository as docker shows it: docker.io/library/busybox → busybox. */
export function familiarRepository(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== HUB) return `${domain}/${path}`;
  const rest = path.slice(OFFICIAL.length);
  return path.startsWith(OFFICIAL) && !rest.includes('/') ? rest : path;
}

/** A name as docker shows it: docker.io/library/busybox:latest → busybox:latest. Texts that are no reference pass. */
export function familiar(name: string): string {
  let reference: Reference;
  try {
    reference = parseReference(name);
  } catch (error) {
    // Records that others made can have any name; it is shown as it is.
    if (error instanceof K3cError) return name;
    throw error;
  }
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${familiarRepository(reference)}${tag}${digest}`;
}
