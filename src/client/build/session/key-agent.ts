/** An ssh agent over keys of files (draft-miller-ssh-agent): it lists them and signs with them, and can do nothing else. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { COORDINATE_SIZES, parsePrivateKey } from './ssh-key-file.ts';
import { SshReader, sshInteger, sshString, sshUint32 } from './ssh-wire.ts';

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

interface AgentKey {
  /** The public key as it travels (RFC 4253, section 6.6). */
  readonly blob: Buffer;
  readonly key: KeyObject;
}

export class KeyAgent {
  readonly #keys: readonly AgentKey[];

  /**
   * @param files the contents of private key files
   * @throws K3cError for one that is no key, or is locked
   */
  constructor(files: readonly Buffer[]) {
    this.#keys = files.map(parsePrivateKey).map((key) => ({ key, blob: publicBlob(key) }));
  }

  /** Answers requests, each whole and with its length in front, in their order. */
  answer(requests: Buffer): Buffer {
    const reader = new SshReader(requests);
    const answers: Buffer[] = [];
    for (let at = 0; at < requests.length; ) {
      const request = reader.string();
      at += 4 + request.length;
      answers.push(sshString(this.#answerOne(request)));
    }
    return Buffer.concat(answers);
  }

  #answerOne(request: Buffer): Buffer {
    switch (request[0]) {
      case REQUEST_IDENTITIES:
        return Buffer.concat([
          Buffer.from([IDENTITIES_ANSWER]),
          sshUint32(this.#keys.length),
          ...this.#keys.flatMap(({ blob }) => [sshString(blob), sshString('')]),
        ]);
      case SIGN_REQUEST:
        return this.#sign(new SshReader(request.subarray(1)));
      default:
        return Buffer.from([FAILURE]);
    }
  }

  #sign(request: SshReader): Buffer {
    const blob = request.string();
    const data = request.string();
    const found = this.#keys.find((each) => each.blob.equals(blob));
    if (found === undefined) return Buffer.from([FAILURE]);
    return Buffer.concat([Buffer.from([SIGN_RESPONSE]), sshString(signature(found.key, data, request.uint32()))]);
  }
}

/** The signature with its algorithm's name. */
function signature(key: KeyObject, data: Buffer, flags: number): Buffer {
  if (key.asymmetricKeyType === 'ed25519') {
    return Buffer.concat([sshString('ssh-ed25519'), sshString(sign(null, data, key))]);
  }
  if (key.asymmetricKeyType === 'rsa') {
    const [name, hash] = rsaAlgorithm(flags);
    return Buffer.concat([sshString(name), sshString(sign(hash, data, key))]);
  }
  const { name, hash, size } = curveOf(key);
  const both = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  const numbers = Buffer.concat([sshInteger(both.subarray(0, size)), sshInteger(both.subarray(size))]);
  return Buffer.concat([sshString(`ecdsa-sha2-${name}`), sshString(numbers)]);
}

/** RFC 8332; SHA-1 is what a client means that names neither of the newer ones. */
function rsaAlgorithm(flags: number): [name: string, hash: string] {
  if (flags & RSA_SHA2_512) return ['rsa-sha2-512', 'sha512'];
  return flags & RSA_SHA2_256 ? ['rsa-sha2-256', 'sha256'] : ['ssh-rsa', 'sha1'];
}

function publicBlob(key: KeyObject): Buffer {
  const { n = '', e = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  if (key.asymmetricKeyType === 'ed25519') return Buffer.concat([sshString('ssh-ed25519'), sshString(decode(x))]);
  if (key.asymmetricKeyType === 'rsa') {
    return Buffer.concat([sshString('ssh-rsa'), sshInteger(decode(e)), sshInteger(decode(n))]);
  }
  const { name } = curveOf(key);
  const point = Buffer.concat([Buffer.from([4]), decode(x), decode(y)]);
  return Buffer.concat([sshString(`ecdsa-sha2-${name}`), sshString(name), sshString(point)]);
}

/** The curve by its name in ssh (RFC 5656), the hash that goes with it, and the bytes of a number. */
function curveOf(key: KeyObject): { name: string; hash: string; size: number } {
  const { crv = '' } = createPublicKey(key).export({ format: 'jwk' });
  const hashes: Readonly<Record<string, string>> = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' };
  return {
    name: `nistp${crv.slice(2)}`,
    hash: hashes[crv] ?? '',
    size: COORDINATE_SIZES[crv] ?? 0,
  };
}

function decode(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}
