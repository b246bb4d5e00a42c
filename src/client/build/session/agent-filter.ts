/**
 * What of the ssh agent protocol (draft-miller-ssh-agent) a build may use: list the keys and sign. It may not add, remove or
 * lock keys, and gets no extensions: the agent is the user's.
 */
import { Code, K3cError } from '../../../api/errors.ts';

const REQUEST_IDENTITIES = 11;
const SIGN_REQUEST = 13;
/** SSH_AGENT_FAILURE, as a whole message. */
const FAILURE = Buffer.from([0, 0, 0, 1, 5]);
const MESSAGE_LIMIT = 256 << 10;

export class AgentFilter {
  #pending = Buffer.alloc(0);

  /** Takes bytes of the build: what goes on to the agent, and the answers to what does not. */
  push(data: Buffer): { forward: Buffer; refusals: Buffer } {
    this.#pending = Buffer.concat([this.#pending, data]);
    const forward: Buffer[] = [];
    const refusals: Buffer[] = [];
    while (this.#pending.length >= 4) {
      const size = this.#pending.readUInt32BE(0);
      if (size > MESSAGE_LIMIT) throw new K3cError(Code.INVALID_ARGUMENT, 'an ssh agent request is too large');
      if (this.#pending.length < 4 + size) break;
      const message = this.#pending.subarray(0, 4 + size);
      this.#pending = this.#pending.subarray(4 + size);
      const type = message[4];
      if (type === REQUEST_IDENTITIES || type === SIGN_REQUEST) forward.push(message);
      else refusals.push(FAILURE);
    }
    return { forward: Buffer.concat(forward), refusals: Buffer.concat(refusals) };
  }
}
