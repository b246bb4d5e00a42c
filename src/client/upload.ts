/** A file sent as the requests of a call. */
import type { BidiCall } from '../api/rpc/types.ts';

/**
 * Sends a first message, then a file piece by piece no faster than the transport takes it, then the half-close; yields the
 * answers. When the server answers with an error before it has read everything, that error is thrown.
 */
export async function* sendFile<Req, Res>(
  call: BidiCall<Req, Res>,
  file: AsyncIterable<Buffer> & { destroy?(): void },
  toRequest: (data: Buffer) => Req,
  first?: Req,
): AsyncGenerator<Res> {
  let readError: unknown;
  const sending = (async () => {
    try {
      if (first !== undefined) await call.send(first);
      for await (const data of file) {
        // A send that fails says that the call is over; its answer tells why.
        const sent = await call.send(toRequest(data)).then(
          () => true,
          () => false,
        );
        if (!sent) return;
      }
      call.end();
    } catch (error) {
      readError = error;
      call.cancel();
    }
  })();
  try {
    yield* call;
    await sending;
  } catch (error) {
    throw readError ?? error;
  } finally {
    file.destroy?.();
  }
}
