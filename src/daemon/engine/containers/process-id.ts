import type { EngineContext } from './context.ts';

/** The host's process id of a running container's process 1. NOT_FOUND when it has ended. */
export async function processId(context: Pick<EngineContext, 'containerd'>, criId: string): Promise<number> {
  const { process } = await context.containerd.tasks.get({ containerId: criId });
  return process?.pid ?? 0;
}
