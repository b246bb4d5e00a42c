import { readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { attributeMap, ControlType, Flag, type Message, message, parseCString, parseMessages } from './codec.ts';
import { NetlinkError, type NetlinkFailure, netlinkFailure } from './error.ts';

/** One message to send. `operation` names it in errors: "add table k3c". */
export interface Request {
  readonly operation: string;
  readonly type: number;
  /** Without REQUEST and ACK, which the socket adds. */
  readonly flags: number;
  readonly payload: Buffer;
  /** False for messages that the kernel answers only when they fail (the frame of a batch). */
  readonly acknowledged?: boolean;
}

/** One answer, copied out of the receive buffer. */
export type Reply = Pick<Message, 'type' | 'payload'>;

const receiveBufferLength = 1 << 20;
const dumpAttempts = 5;
const messageAttribute = 1;

/**
 * A netlink socket on an inherited file descriptor. Node cannot open the family AF_NETLINK, but reads and writes such a
 * descriptor. The launcher opens and binds it, with SO_RCVTIMEO, NETLINK_EXT_ACK and NETLINK_CAP_ACK set.
 *
 * All calls are synchronous: the kernel has answered by the time write(2) returns, so a call costs microseconds, and two
 * callers can never mix their answers. Failures throw NetlinkError with the errno of each refused message.
 */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #received: Buffer;
  #sequence = Date.now() >>> 0;

  /** @param bufferLength of the largest datagram that is expected: dumps and errors of large batches need much */
  constructor(fd: number, bufferLength = receiveBufferLength) {
    this.#fd = fd;
    this.#received = Buffer.allocUnsafeSlow(bufferLength);
  }

  /**
   * Sends the messages in one datagram and waits until each is acknowledged; returns what else the kernel answered.
   * The kernel handles them in order, and goes on after one that fails unless they are a batch of its own kind.
   */
  exchange(...requests: readonly Request[]): Reply[] {
    const first = this.#send(requests);
    const waiting = new Set<number>();
    requests.forEach((request, index) => {
      if (request.acknowledged !== false) waiting.add((first + index) >>> 0);
    });
    const failures: NetlinkFailure[] = [];
    const replies: Reply[] = [];
    while (waiting.size > 0) {
      for (const answer of this.#read()) {
        // Answers to an earlier request that gave up are left over in the queue: skip them.
        const request = requests[(answer.sequence - first) >>> 0];
        if (request === undefined) continue;
        if (answer.type !== ControlType.ERROR) {
          replies.push({ type: answer.type, payload: Buffer.from(answer.payload) });
          continue;
        }
        const failure = parseFailure(request.operation, answer);
        if (failure !== undefined) failures.push(failure);
        // An error for a batch's frame means that no other answer can be relied upon.
        if (request.acknowledged === false) waiting.clear();
        waiting.delete(answer.sequence);
      }
    }
    const [cause, ...others] = failures;
    if (cause !== undefined) throw new NetlinkError([cause, ...others]);
    return replies;
  }

  /** Asks for all objects of a kind. Starts over when the kernel says that they changed under the dump. */
  dump(operation: string, type: number, payload: Buffer): Reply[] {
    for (let attempt = 1; ; attempt++) {
      const replies = this.#dumpOnce({ operation, type, flags: Flag.DUMP, payload, acknowledged: false });
      if (replies !== undefined) return replies;
      if (attempt === dumpAttempts) throw new NetlinkError([netlinkFailure(operation, constants.errno.EINTR)]);
    }
  }

  #dumpOnce(request: Request): Reply[] | undefined {
    const sequence = this.#send([request]);
    const replies: Reply[] = [];
    let interrupted = false;
    for (;;) {
      for (const answer of this.#read()) {
        if (answer.sequence !== sequence) continue;
        if ((answer.flags & Flag.DUMP_INTERRUPTED) !== 0) interrupted = true;
        if (answer.type === ControlType.ERROR || answer.type === ControlType.DONE) {
          const errno = answer.payload.length >= 4 ? -answer.payload.readInt32LE(0) : 0;
          if (errno !== 0) throw new NetlinkError([netlinkFailure(request.operation, errno)]);
          return interrupted ? undefined : replies;
        }
        replies.push({ type: answer.type, payload: Buffer.from(answer.payload) });
      }
    }
  }

  /** Writes all messages as one datagram and returns the sequence number of the first; the others follow on. */
  #send(requests: readonly Request[]): number {
    const first = this.#sequence;
    const datagram = requests.map(({ type, flags, payload, acknowledged }, index) => {
      const ack = acknowledged === false ? 0 : Flag.ACK;
      return message(type, flags | Flag.REQUEST | ack, (first + index) >>> 0, payload);
    });
    this.#sequence = (first + requests.length) >>> 0;
    try {
      writeSync(this.#fd, Buffer.concat(datagram));
    } catch (error) {
      throw ioError(requests[0]?.operation ?? 'send', error);
    }
    return first;
  }

  #read(): Generator<Message> {
    for (;;) {
      try {
        const length = readSync(this.#fd, this.#received, 0, this.#received.length, null);
        return parseMessages(this.#received.subarray(0, length));
      } catch (error) {
        if (errnoOf(error) === constants.errno.EINTR) continue;
        // SO_RCVTIMEO ran out: the kernel did not answer, and a later answer would be skipped by its number.
        if (errnoOf(error) === constants.errno.EAGAIN)
          throw ioError('wait for an answer', { errno: -constants.errno.ETIMEDOUT });
        throw ioError('read an answer', error);
      }
    }
  }
}

/** NLMSG_ERROR: errno as a negative number (0 acknowledges), the request's header and body, then attributes. */
function parseFailure(operation: string, { flags, payload }: Message): NetlinkFailure | undefined {
  const errno = -payload.readInt32LE(0);
  if (errno === 0) return undefined;
  const requestLength = (flags & Flag.CAPPED) !== 0 ? 16 : payload.readUInt32LE(4);
  const explanation =
    (flags & Flag.ACK_TLVS) !== 0
      ? attributeMap(payload.subarray(4 + ((requestLength + 3) & ~3))).get(messageAttribute)
      : undefined;
  return netlinkFailure(operation, errno, explanation === undefined ? '' : parseCString(explanation));
}

function errnoOf(error: unknown): number {
  const errno = (error as { errno?: unknown } | null)?.errno;
  return typeof errno === 'number' ? Math.abs(errno) : 0;
}

function ioError(operation: string, error: unknown): unknown {
  const errno = errnoOf(error);
  return errno === 0 ? error : new NetlinkError([netlinkFailure(operation, errno)]);
}

/** The sockets a daemon has; one is missing where its kernel part is, or where the opener was not allowed. */
export interface NetlinkSockets {
  readonly netfilter: NetlinkSocket | undefined;
  readonly route: NetlinkSocket | undefined;
}

/**
 * Takes up the sockets that the launcher opened: K3C_NL_FD is "NETFILTER_FD,ROUTE_FD", with -1 for one that could not be
 * opened. Without the variable there are none. Call it once a process.
 */
export function inheritedNetlinkSockets(environment: NodeJS.ProcessEnv): NetlinkSockets {
  const [netfilter, route] = (environment['K3C_NL_FD'] ?? '').split(',').map(openInherited);
  return { netfilter, route };
}

function openInherited(text: string): NetlinkSocket | undefined {
  // The descriptors 0, 1 and 2 are never netlink sockets; refusing them keeps a stray variable from taking over stdio.
  return /^\d+$/.test(text) && Number(text) > 2 ? new NetlinkSocket(Number(text)) : undefined;
}
