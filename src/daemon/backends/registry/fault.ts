/** What can go wrong on the way to a registry, told by Node's error codes. */
import type { RegistryFailure } from './failure.ts';

/** A request that got no answer, or one that was none. `failure` says why; the message is for people. */
export class RegistryFault extends Error {
  override readonly name = 'RegistryFault';
  readonly failure: RegistryFailure;

  constructor(failure: RegistryFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

const codes: Readonly<Record<string, RegistryFailure>> = {
  ENOTFOUND: 'no-such-host',
  EAI_AGAIN: 'no-such-host',
  EAI_FAIL: 'no-such-host',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'timeout',
  ENETUNREACH: 'timeout',
  // OpenSSL: something came that is no TLS.
  ERR_SSL_WRONG_VERSION_NUMBER: 'plain-http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'plain-http',
  // Of the certificate: X509_V_ERR_… as Node names them (doc/api/tls.md), and the host name that is not in it.
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate',
  CERT_HAS_EXPIRED: 'certificate',
  CERT_NOT_YET_VALID: 'certificate',
  CERT_UNTRUSTED: 'certificate',
  CERT_REJECTED: 'certificate',
  INVALID_CA: 'certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate',
  // The server wants a client certificate, or another one.
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'certificate',
};

/** OpenSSL's numbers of the same (openssl/sslerr.h, library 20): Node has them in the message alone when a write met them. */
const NO_TLS = /:error:0A00(?:010B|00C6):/;

/** Turns an error of node:http, node:https or node:tls into a fault. Aborts pass. */
export function toFault(error: unknown, url: URL): unknown {
  if (!(error instanceof Error) || error.name === 'AbortError' || error instanceof RegistryFault) return error;
  const code = codeOf(error);
  const isPlain = code === 'EPROTO' && NO_TLS.test(error.message);
  const failure = isPlain ? 'plain-http' : ((code === undefined ? undefined : codes[code]) ?? 'other');
  return new RegistryFault(failure, `${url.origin}: ${error.message.split('\n')[0] || (code ?? 'no connection')}`, {
    cause: error,
  });
}

function codeOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  // Several addresses were tried: the first says it as well as any.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]) ?? code;
  return code;
}
