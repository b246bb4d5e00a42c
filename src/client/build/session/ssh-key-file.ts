/**
 * Private ssh keys from files, without a passphrase: OpenSSH's own format (PROTOCOL.key of openssh-portable), which OpenSSL does
 * not read, and PEM (PKCS#1, SEC1, PKCS#8), which it does. RSA, ECDSA and Ed25519.
 */
import { createPrivateKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { Code, K3cError } from '../../../api/errors.ts';
import { SshReader, unsigned } from './ssh-wire.ts';

const OPENSSH = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;
const MAGIC = 'openssh-key-v1\0';

/** Bytes of a coordinate, by the curve's name in JWK. */
export const COORDINATE_SIZES: Readonly<Record<string, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };

/** Reads a key. Throws INVALID_ARGUMENT that says what is wrong with it, and never quotes it. */
export function parsePrivateKey(content: Buffer): KeyObject {
  const text = content.toString('latin1');
  const match = OPENSSH.exec(text);
  if (match !== null) return openSshKey(Buffer.from(match[1] ?? '', 'base64'));
  if (/^Proc-Type: 4,ENCRYPTED|BEGIN ENCRYPTED PRIVATE KEY/m.test(text)) throw locked();
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // OpenSSL's reasons say nothing about the file, and the text holds the key: neither is passed on.
    throw new K3cError(Code.INVALID_ARGUMENT, 'this is neither an ssh agent socket nor a private key');
  }
  if (!['rsa', 'ec', 'ed25519'].includes(key.asymmetricKeyType ?? '')) throw unknownType(key.asymmetricKeyType ?? '');
  return key;
}

function openSshKey(bytes: Buffer): KeyObject {
  const reader = new SshReader(bytes);
  if (reader.take(MAGIC.length).toString('latin1') !== MAGIC) {
    throw new K3cError(Code.INVALID_ARGUMENT, 'this is no private key of a version that k3c knows');
  }
  const cipher = reader.text();
  reader.string();
  reader.string();
  const count = reader.uint32();
  if (count !== 1) throw new K3cError(Code.INVALID_ARGUMENT, `the file holds ${count} keys; k3c reads one`);
  reader.string();
  if (cipher !== 'none') throw locked();
  const fields = new SshReader(reader.string());
  // Two equal random numbers tell a right passphrase from a wrong one; there is none here.
  fields.take(8);
  return createPrivateKey({ key: jwkOf(fields.text(), fields), format: 'jwk' });
}

function jwkOf(type: string, fields: SshReader): JsonWebKeyInput['key'] {
  if (type === 'ssh-ed25519') {
    const x = fields.string();
    const d = fields.string().subarray(0, 32);
    return { kty: 'OKP', crv: 'Ed25519', x: encode(x), d: encode(d) };
  }
  if (type === 'ssh-rsa') {
    const [n, e, d, qi, p, q] = [fields, fields, fields, fields, fields, fields].map((each) => each.integer());
    if (!n || !e || !d || !qi || !p || !q) throw unknownType(type);
    const [dp, dq] = [p, q].map((prime) => remainder(d, prime));
    return Object.fromEntries([
      ['kty', 'RSA'],
      ...Object.entries({ n, e, d, p, q, dp, dq, qi }).map(([name, value]) => [name, encode(value ?? Buffer.alloc(0))]),
    ]);
  }
  const curve = /^ecdsa-sha2-nistp(256|384|521)$/.exec(type)?.[1];
  if (curve === undefined) throw unknownType(type);
  const crv = `P-${curve}`;
  const size = COORDINATE_SIZES[crv] ?? 0;
  fields.string();
  const point = fields.string();
  const d = Buffer.alloc(size);
  const secret = fields.integer();
  secret.copy(d, size - secret.length);
  return {
    kty: 'EC',
    crv,
    x: encode(point.subarray(1, 1 + size)),
    y: encode(point.subarray(1 + size)),
    d: encode(d),
  };
}

/** The exponent for one prime: d mod (prime - 1). OpenSSH leaves it out, JWK asks for it. */
function remainder(d: Buffer, prime: Buffer): Buffer {
  const value = BigInt(`0x${d.toString('hex')}`) % (BigInt(`0x${prime.toString('hex')}`) - 1n);
  const hex = value.toString(16);
  return unsigned(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function locked(): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, 'this private key is passphrase protected', {
    hint: 'add it to an ssh-agent with ssh-add, and forward the agent with --ssh default',
  });
}

function unknownType(type: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, `private keys of type ${JSON.stringify(type)} cannot be forwarded`, {
    hint: 'use an RSA, ECDSA or Ed25519 key',
  });
}
