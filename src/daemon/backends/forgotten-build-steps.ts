/**
 * Containers of steps that BuildKit has forgotten. Cancelled in the instant in which it makes one, or its task, it takes the call for
 * failed although containerd goes on with it (executor/containerdexecutor/executor.go has nothing to take back yet), and what was made
 * stays until buildkitd's next start: a record, and perhaps a shim with a process that was never started.
 *
 * containerd tells which steps there are. One that has not started while for a while nobody has spoken with BuildKit is forgotten: a step
 * belongs to a call that waits for it. While builds follow each other without a pause nothing is removed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerCreate, ContainerDelete } from '../../api/gen/events/container.ts';
import type { Log } from '../../host/log.ts';
import { type Containerd, NAMESPACE } from './containerd.ts';
import { removeUnstartedBuildSteps, STEP_ID } from './lost-build-steps.ts';

const CREATED = '/containers/create';
const DELETED = '/containers/delete';

export interface ForgottenStepsOptions {
  readonly containerd: Pick<Containerd, 'containers' | 'tasks' | 'events'>;
  /** Whether anybody speaks with BuildKit. */
  readonly isUsed: () => boolean;
  readonly log: Log;
  /** How long nobody may have, before what has not started counts as forgotten. Milliseconds; BuildKit itself takes its time to end a step. */
  readonly quietMs?: number;
  /** Between two looks while there are steps, and between two attempts while containerd is away. Milliseconds. */
  readonly lookMs?: number;
  /** A clock that nobody sets, in milliseconds. */
  readonly now?: () => number;
}

export class ForgottenSteps {
  readonly #options: Required<ForgottenStepsOptions>;
  /** Those that are not over. While there is none, nothing is looked for. */
  #steps = new Set<string>();
  #quietSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ForgottenStepsOptions) {
    this.#options = { quietMs: 10_000, lookMs: 2000, now: () => performance.now(), ...options };
  }

  /** Returns when the signal is aborted; goes on when containerd was away. */
  async follow(signal: AbortSignal): Promise<void> {
    const { containerd, log, lookMs } = this.#options;
    const filters = [CREATED, DELETED].map(
      (topic) => `topic=="${topic}",namespace==${NAMESPACE},event.id~="${STEP_ID}"`,
    );
    try {
      while (!signal.aborted) {
        try {
          // Those that nobody told of: they were made while containerd's events did not come.
          const known = await containerd.containers.list({ filters: [`id~="${STEP_ID}"`] }, { signal });
          for (const { id } of known.containers) this.#add(id, signal);
          const events = containerd.events.subscribe({ filters }, { signal });
          for await (const { topic, event } of events) {
            if (event === undefined) continue;
            if (topic === CREATED) this.#add(ContainerCreate.decode(event.value).id, signal);
            else this.#steps.delete(ContainerDelete.decode(event.value).id);
          }
        } catch (err) {
          if (signal.aborted) return;
          log.debug({ err }, 'lost the events of build steps');
        }
        await sleep(lookMs, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      clearTimeout(this.#timer);
    }
  }

  #add(id: string, signal: AbortSignal): void {
    this.#steps.add(id);
    this.#quietSince = undefined;
    this.#arm(signal);
  }

  #arm(signal: AbortSignal): void {
    if (signal.aborted || this.#steps.size === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#look(signal)
        .catch((err: unknown) => {
          if (!signal.aborted)
            this.#options.log.warn({ err }, 'cannot remove a build step that BuildKit has forgotten');
        })
        .finally(() => {
          this.#timer = undefined;
          this.#arm(signal);
        });
    }, this.#options.lookMs);
    this.#timer.unref();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { containerd, isUsed, log, quietMs } = this.#options;
    const now = this.#options.now();
    if (isUsed()) this.#quietSince = undefined;
    else this.#quietSince ??= now;
    if (this.#quietSince === undefined || now - this.#quietSince < quietMs) return;
    const { removed, left } = await removeUnstartedBuildSteps(containerd, Date.now() - quietMs, signal);
    this.#steps = new Set(left);
    if (removed.length > 0) log.info({ steps: removed.length }, 'removed build steps that BuildKit had forgotten');
  }
}
