/** `ps`: the containers that filters choose, looking below their images where `ancestor` asks for it. */
import { Code, hasCode } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { isInPod, withPod } from '../pods/member-view.ts';
import type { EngineContext } from './context.ts';
import type { ImageResolver } from './dependencies.ts';
import { type FilterFacts, type ListOptions, selectContainers } from './filters.ts';
import type { ResolvedImage } from './image-config.ts';

/** Newest first, those in pods with their pods' networks. INVALID_ARGUMENT for a filter that docker refuses. */
export async function listContainers(
  context: Pick<EngineContext, 'state' | 'images'>,
  how: ListOptions,
  asked: Omit<FilterFacts, 'inPod'>,
): Promise<readonly ContainerRecord[]> {
  const records = context.state.containers.list().map((record) => withPod(context.state, record));
  const facts: FilterFacts = { ...asked, inPod: (record, value) => isInPod(context.state, record, value) };
  const { ancestor = [] } = how.filters;
  if (ancestor.length === 0) return selectContainers(records, how, facts);
  return selectContainers(records, how, { ...facts, descends: await descendants(context.images, ancestor, records) });
}

/**
 * An image is built on another when it has all of its layers below its own. What cannot be found (a name that no image has, an
 * image that was removed behind a container) is nobody's ancestor and nobody's descendant.
 */
export async function descendants(
  images: Pick<ImageResolver, 'resolve'>,
  ancestors: readonly string[],
  records: readonly ContainerRecord[],
): Promise<(record: ContainerRecord, ancestor: string) => boolean> {
  const look = async (names: readonly string[]) =>
    new Map(await Promise.all([...new Set(names)].map(async (name) => [name, await find(images, name)] as const)));
  const above = await look(ancestors);
  const below = await look(records.map(({ imageId }) => imageId));
  return (record, ancestor) => {
    const base = above.get(ancestor);
    if (base === undefined) return false;
    if (base.id === record.imageId) return true;
    const chain = base.chainId ?? '';
    return chain !== '' && below.get(record.imageId)?.layers?.includes(chain) === true;
  };
}

async function find(images: Pick<ImageResolver, 'resolve'>, name: string): Promise<ResolvedImage | undefined> {
  try {
    return await images.resolve(name);
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND, Code.INVALID_ARGUMENT)) return undefined;
    throw error;
  }
}
