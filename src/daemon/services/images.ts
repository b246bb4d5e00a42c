/** k3c.v1.Images: requests to the image engine and its results to messages. */
import { Code, K3cError } from '../../api/errors.ts';
import type {
  ImagesDefinition,
  ImportRequest,
  LoadRequest,
  RegistryAuth,
  TransferProgress,
} from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import type { TellingImageEngine } from '../engine/images/image-events.ts';
import type { ImageEngine } from '../engine/images/images.ts';
import { toFilters } from './filters.ts';
import { toImageSummary } from './image-messages.ts';

type Progress = Parameters<typeof TransferProgress.fromPartial>[0];
type Service = Handlers<typeof ImagesDefinition>;
type PullEvents = NonNullable<Parameters<ImageEngine['pull']>[0]['onEvent']>;
type Event = Parameters<PullEvents>[0];

/** The handlers. They check nothing that the engine checks. */
export function imagesService(images: TellingImageEngine): Service {
  return {
    pull: async ({ reference, platform, auth }, call) => {
      const progress = inOrder((message) => call.send(message));
      const result = await images.pull({
        reference,
        platform,
        credentials: toCredentials(auth),
        onEvent: (event) => progress.send(toMessage(event)),
        signal: call.signal,
      });
      const { digest, upToDate } = result;
      progress.send({ event: { $case: 'done', value: { reference: result.reference, digest, upToDate, size: 0n } } });
      await progress.sent();
    },
    push: async ({ reference, auth }, call) => {
      const progress = inOrder((message) => call.send(message));
      const result = await images.push({
        reference,
        credentials: toCredentials(auth),
        onEvent: (event) => progress.send(toMessage(event)),
        signal: call.signal,
      });
      const { digest, size } = result;
      const done = { reference: result.reference, digest, size: BigInt(size), upToDate: false };
      progress.send({ event: { $case: 'done', value: done } });
      await progress.sent();
    },
    list: async ({ all, filters }, { signal }) => ({
      images: (await images.list({ all, filters: toFilters(filters), signal })).map(toImageSummary),
    }),
    inspect: async ({ image }, { signal }) => ({
      document: Buffer.from(JSON.stringify(await images.inspect(image, signal))),
    }),
    tag: async ({ source, target }, { signal }) => {
      await images.tag(source, target, signal);
      return {};
    },
    remove: async ({ image, force }, { signal }) => {
      const { untagged, deleted } = await images.remove(image, force, signal);
      return { untagged: [...untagged], deleted: [...deleted] };
    },
    login: async ({ server, auth }, { signal }) => ({
      identityToken: await images.login(server, toCredentials(auth), signal),
    }),
    remoteTags: async ({ reference, auth }, { signal }) => ({
      tags: await images.remoteTags(reference, toCredentials(auth), signal),
    }),
    configuredAuth: async ({ host }) => {
      const found = images.configuredCredentials(host);
      if (found === undefined) return {};
      const none = { username: '', password: '', identityToken: '' };
      return { auth: { ...none, ...found } };
    },
    pullsForBuilds: async () => ({ needed: images.pullsForBuilds() }),
    pullForBuild: async ({ reference, platform, always, auth }, { signal }) => {
      await images.pullForBuild({ reference, platform, always, credentials: toCredentials(auth), signal });
      return {};
    },
    built: async ({ names }, { signal }) => {
      await images.built(names, signal);
      return {};
    },
    load: async (call) => {
      const loaded = await images.load(dataOf(call.requests), call.signal);
      await call.send({ references: loaded.map(({ name, id }) => name ?? id) });
    },
    save: async ({ images: names }, call) => {
      for await (const data of images.save(names, call.signal)) await call.send({ data });
    },
    history: async ({ image }, { signal }) => ({
      entries: (await images.history(image, signal)).map((entry) => ({
        ...entry,
        size: BigInt(entry.size),
        tags: [...entry.tags],
      })),
    }),
    prune: async ({ all, filters }, { signal }) => {
      const { untagged, deleted, reclaimed } = await images.prune({ all, filters: toFilters(filters), signal });
      return { untagged: [...untagged], deleted: [...deleted], reclaimed: BigInt(reclaimed) };
    },
    import: async ({ requests, signal }) => {
      const parts = requests[Symbol.asyncIterator]();
      const { value: first } = await parts.next();
      const open = (first as ImportRequest | undefined)?.part;
      if (open?.$case !== 'open') {
        throw new K3cError(Code.INVALID_ARGUMENT, 'an import begins with its options', { reason: 'bad-input' });
      }
      return { id: await images.import({ ...open.value, bytes: importedData(parts), signal }) };
    },
  };
}

async function* dataOf(requests: AsyncIterable<LoadRequest>): AsyncGenerator<Buffer> {
  for await (const { data } of requests) yield data;
}

async function* importedData(requests: AsyncIterator<ImportRequest>): AsyncGenerator<Buffer> {
  for (let next = await requests.next(); next.done !== true; next = await requests.next()) {
    const { part } = next.value;
    if (part?.$case === 'data') yield part.value;
  }
}

function toCredentials(auth: RegistryAuth | undefined) {
  if (auth === undefined) return undefined;
  if (auth.identityToken !== '') return { identityToken: auth.identityToken };
  return auth.username === '' ? undefined : { username: auth.username, password: auth.password };
}

function toMessage(event: Event): Progress {
  if (event.kind === 'status') return { event: { $case: 'status', value: event.text } };
  return { event: { $case: 'layer', value: { ...event.layer } } };
}

/** Sends one message after the other. A caller that went away aborts the call, which ends what sends them. */
function inOrder(send: (message: Progress) => Promise<void>): {
  send: (message: Progress) => void;
  sent: () => Promise<void>;
} {
  let last = Promise.resolve();
  let failure: unknown;
  return {
    send: (message) => {
      last = last.then(async () => {
        if (failure !== undefined) return;
        try {
          await send(message);
        } catch (error) {
          failure = error;
        }
      });
    },
    sent: async () => {
      await last;
      if (failure !== undefined) throw failure;
    },
  };
}
