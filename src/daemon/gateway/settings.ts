/** How the gateway sets up HTTP/2, towards clients and daemons alike. Sizes in bytes. */

/**
 * How much a peer may send on one stream before its reader has taken any. The 64 kB of the standard halves the speed of
 * a bulk transfer; this much may lie in memory for every stream whose reader is slow.
 */
export const STREAM_WINDOW = 2 << 20;

/** As above for a whole connection. node:http2 gives it back as data arrives, so slow streams do not block others. */
export const SESSION_WINDOW = 16 << 20;

/** A stream's source is paused while this much waits for its reader. */
export const WRITE_QUEUE = 1 << 20;

/** A connection on which no HTTP/2 was spoken for this long after it was made is closed. Milliseconds. */
export const PREFACE_TIMEOUT_MS = 10_000;

/**
 * What one read from a daemon takes at most. A unix socket holds 208 kB unless told otherwise, so this is all there is; a
 * read of the usual 64 kB, with memory of its own each time, costs twice the CPU time.
 */
export const RELAY_READ = 256 << 10;

/** What the kernel holds of a relayed connection's bytes, each way, as it is told; it doubles it. */
export const RELAY_SEND = 512 << 10;

/** How long a client may stand still, reading nothing, before a relayed connection that is over is cut. Milliseconds. */
export const LINGER_MS = 60_000;

/**
 * After a client has called two daemons on one relayed connection, new connections are not relayed for so long: a gRPC
 * client tries a refused call once more, and that one must find everything. Milliseconds.
 */
export const MIXED_MS = 10_000;

export const SESSION_OPTIONS = {
  settings: { initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 65_535, enablePush: false },
  /** MB per connection, queued data included: back-pressure is what bounds it, a limit here would refuse streams. */
  maxSessionMemory: 1000,
  /** BuildKit's session sends one field per method it serves; the default of 128 pairs is too few. */
  maxHeaderListPairs: 8192,
  maxSendHeaderBlockLength: 1 << 20,
  /** Fields pass as they are, also those that HTTP wants only once. */
  strictSingleValueFields: false,
  /** A client that drops a thousand calls at once is no attack here. */
  streamResetBurst: 100_000,
  streamResetRate: 10_000,
};
