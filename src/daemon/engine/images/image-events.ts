/** docker's events of images: what was done, to which image, with the image's labels (moby, daemon/images/events.go). */
import { Code, hasCode } from '../../../api/errors.ts';
import { canonical, familiar, familiarRepository, formatReference, parseReference } from '../../../api/reference.ts';
import type { EventBus } from '../events/bus.ts';
import type { ImageEngine } from './images.ts';

type Labels = Readonly<Record<string, string>>;
interface Described {
  readonly id: string;
  readonly labels: Labels;
}

/** An engine that tells of what it did, and of what others say they did. */
export interface TellingImageEngine extends ImageEngine {
  /** Tells that a build has given images these names. Of a name that there is not (any more) nothing is told. */
  built(names: readonly string[], signal: AbortSignal): Promise<void>;
}

/** The engine, telling of what it did. */
export function withEvents(engine: ImageEngine, bus: Pick<EventBus, 'record'>): TellingImageEngine {
  const tell = (action: string, actor: string, name: string, labels: Labels = {}) =>
    bus.record({ type: 'image', action, actor, attributes: { ...labels, name } });
  const describe = async (name: string, signal?: AbortSignal): Promise<Described> => {
    const { id, config } = await engine.resolve(name, signal);
    return { id, labels: config.config?.Labels ?? {} };
  };
  /** For what was done: an image that somebody removes at once has no labels any more. */
  const labelsOf = (name: string): Promise<Labels> =>
    describe(name).then(
      ({ labels }) => labels,
      () => ({}),
    );
  const transferred = async (action: 'pull' | 'push', reference: string) => {
    const named = parseReference(reference);
    tell(action, familiar(reference), familiarRepository(named), await labelsOf(reference));
  };
  const tagged = async (id: string, reference: string) => {
    const name = familiar(formatReference(canonical(parseReference(reference))));
    tell('tag', id, name, await labelsOf(id));
  };
  return {
    ...engine,
    async tag(source, target, signal) {
      const { id } = await describe(source, signal);
      await engine.tag(source, target, signal);
      await tagged(id, target);
    },
    async remove(name, force, signal) {
      // What there is to say is gone afterwards; that there is no such image, the removal says itself.
      const image = await describe(name, signal).catch(() => undefined);
      const removed = await engine.remove(name, force, signal);
      if (image === undefined) return removed;
      const { id, labels } = image;
      for (const _name of removed.untagged) tell('untag', id, id, labels);
      if (removed.deleted.includes(id)) tell('delete', id, id, labels);
      return removed;
    },
    async prune(options) {
      const pruned = await engine.prune(options);
      for (const id of pruned.images) tell('delete', id, id);
      bus.record({ type: 'image', action: 'prune', actor: '', attributes: { reclaimed: String(pruned.reclaimed) } });
      return pruned;
    },
    async pull(options) {
      const result = await engine.pull(options);
      await transferred('pull', result.reference);
      return result;
    },
    async pullForBuild(options) {
      const result = await engine.pullForBuild(options);
      if (result !== undefined) await transferred('pull', result.reference);
      return result;
    },
    async push(options) {
      const result = await engine.push(options);
      await transferred('push', result.reference);
      return result;
    },
    async load(bytes, signal) {
      const loaded = await engine.load(bytes, signal);
      for (const { id, name } of loaded) tell('load', id, name ?? id, await labelsOf(id));
      return loaded;
    },
    async commit(options) {
      const id = await engine.commit(options);
      if (options.reference !== '') await tagged(id, options.reference);
      return id;
    },
    async import(options) {
      const id = await engine.import(options);
      if (options.reference !== '') await tagged(id, options.reference);
      tell('import', id, id, await labelsOf(id));
      return id;
    },
    async built(names, signal) {
      for (const name of names) {
        const image = await describe(name, signal).catch(unlessNotFound);
        if (image !== undefined)
          tell('tag', image.id, familiar(formatReference(canonical(parseReference(name)))), image.labels);
      }
    },
  };
}

function unlessNotFound(error: unknown): undefined {
  if (!hasCode(error, Code.NOT_FOUND)) throw error;
  return undefined;
}
