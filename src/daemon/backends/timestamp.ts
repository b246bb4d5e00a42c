/** Times in containerd's answers (google.protobuf.Timestamp). */

/** Milliseconds since the epoch; 0 where there is none. */
export function milliseconds(time: { readonly seconds: bigint; readonly nanos: number } | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1000 + time.nanos / 1_000_000;
}
