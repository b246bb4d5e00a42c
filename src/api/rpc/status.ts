/** A gRPC status as it travels in trailers, and back. */
import { constants } from 'node:http2';
import { Code, isCode, K3cError, type Reason } from '../errors.ts';
import type { Metadata } from './types.ts';

/**
 * Percent-encodes a status message as PROTOCOL-HTTP2 asks: printable ASCII but `%` stays. So do spaces inside; at an end they
 * would be no valid field (RFC 9113, 8.2.1), and nghttp2 drops such a one whole.
 */
export function encodeMessage(message: string): string {
  let encoded = '';
  for (const byte of Buffer.from(message, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded.replace(/^ +| +$/g, (spaces) => '%20'.repeat(spaces.length));
}

/** Undoes encodeMessage; what is not validly encoded is returned as it is. */
export function decodeMessage(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    // PROTOCOL-HTTP2: a receiver must not fail on a badly encoded message.
    return encoded;
  }
}

/** Longest status message in bytes as encoded: trailers over 64 kB would cost the peer its whole connection. */
const MAX_MESSAGE = 8192;

/** The trailers that tell a caller of this error, or of success when there is none. */
export function toTrailers(error?: K3cError): Record<string, string> {
  if (error === undefined) return { 'grpc-status': '0' };
  const trailers: Record<string, string> = {
    'grpc-status': String(error.code),
    'grpc-message': shortened(encodeMessage(error.message)),
  };
  if (error.reason !== undefined) trailers['k3c-reason'] = error.reason;
  if (error.hint !== undefined) trailers['k3c-hint'] = shortened(encodeMessage(error.hint));
  return trailers;
}

/** Cuts an encoded message to its limit without cutting an escape. */
function shortened(encoded: string): string {
  return encoded.length <= MAX_MESSAGE ? encoded : `${encoded.slice(0, MAX_MESSAGE).replace(/%.?$/, '')}...`;
}

/**
 * Reads a status out of headers or trailers: undefined where there is none, `ok` for success, the error otherwise.
 * Error details (grpc-status-details-bin) are left to the caller.
 */
export function fromTrailers(fields: Metadata): K3cError | 'ok' | undefined {
  const value = (name: string) => fields.find(([key]) => key === name)?.[1];
  const status = value('grpc-status');
  if (status === undefined) return undefined;
  const code = /^\d{1,3}$/.test(status) ? Number(status) : Code.UNKNOWN;
  if (code === Code.OK) return 'ok';
  const hint = value('k3c-hint');
  return new K3cError(isCode(code) ? code : Code.UNKNOWN, decodeMessage(value('grpc-message') ?? ''), {
    reason: value('k3c-reason') as Reason | undefined,
    hint: hint === undefined ? undefined : decodeMessage(hint),
    remote: true,
  });
}

/** The error for an answer that is no gRPC (grpc's http-grpc-status-mapping.md). */
export function fromHttpStatus(status: number): K3cError {
  const codes = new Map<number, Code>([
    [400, Code.INTERNAL],
    [401, Code.UNAUTHENTICATED],
    [403, Code.PERMISSION_DENIED],
    [404, Code.UNIMPLEMENTED],
    [429, Code.UNAVAILABLE],
    [502, Code.UNAVAILABLE],
    [503, Code.UNAVAILABLE],
    [504, Code.UNAVAILABLE],
  ]);
  return new K3cError(codes.get(status) ?? Code.UNKNOWN, `the server answered HTTP ${status} instead of gRPC`);
}

/** The error for a stream that was reset before a status came (PROTOCOL-HTTP2, "Errors"). */
export function fromReset(rstCode: number): K3cError {
  const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = constants;
  if (rstCode === NGHTTP2_CANCEL) return new K3cError(Code.CANCELLED, 'the server canceled the call');
  if (rstCode === NGHTTP2_REFUSED_STREAM) return new K3cError(Code.UNAVAILABLE, 'the server refused the call');
  if (rstCode === NGHTTP2_ENHANCE_YOUR_CALM) {
    return new K3cError(Code.RESOURCE_EXHAUSTED, 'the server asked to slow down');
  }
  if (rstCode === NGHTTP2_NO_ERROR) return new K3cError(Code.INTERNAL, 'the server ended a call without a status');
  return new K3cError(Code.INTERNAL, `the server reset the call (HTTP/2 code ${rstCode})`);
}

/** Pairs up node:http2's flat raw header list, leaving pseudo-headers out. */
export function toMetadata(rawHeaders: readonly string[]): Metadata {
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!name.startsWith(':')) fields.push([name.toLowerCase(), rawHeaders[i + 1] as string]);
  }
  return fields;
}

/** Milliseconds of a `grpc-timeout` value (PROTOCOL-HTTP2: at most 8 digits and a unit), undefined when malformed. */
export function parseTimeout(value: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) return undefined;
  const unit = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }[
    match[2] as 'H' | 'M' | 'S' | 'm' | 'u' | 'n'
  ];
  return Number(match[1]) * unit;
}
