/** The health checks of all containers: begun with each attempt, ended with it, taken up again by the next daemon. */
import type { ContainerRecord } from '../../../state/containers.ts';
import type { HealthReport } from '../../../state/health.ts';
import type { EngineContext, LiveContainer } from '../context.ts';
import { healthCheckOf } from './check.ts';
import { HealthMonitor } from './monitor.ts';
import { runProbe } from './probe.ts';

/** Begins to check a container whose process runs, where it has a check. One that was checked before in this attempt goes on. */
export function watchHealth(context: EngineContext, live: LiveContainer): void {
  const record = context.state.containers.byId(live.id);
  const check = record === undefined ? undefined : healthCheckOf(record.config);
  if (record === undefined || check === undefined) return;
  const stored = context.state.health.get(live.id);
  const resumed = stored?.attempt === live.attempt;
  const monitor = new HealthMonitor({
    check,
    startedAt: live.startedAt,
    report: {
      status: resumed ? stored.status : 'starting',
      failingStreak: resumed ? stored.failingStreak : 0,
      // docker keeps the results of the attempt before, too.
      results: stored?.results ?? [],
    },
    probe: (stopping) => runProbe(context, live, check, stopping),
    onResult: (now, before) => {
      if (now.status === before.status) return;
      try {
        changed(context, live, now);
      } catch (err) {
        // A disk that is full for a while must not end the checks.
        context.log.error({ err, container: live.id }, 'cannot record the health of a container');
      }
    },
    now: context.now,
  });
  context.health.set(live.id, monitor);
  if (record.state !== 'paused') monitor.start();
}

function changed(context: EngineContext, live: LiveContainer, report: HealthReport): void {
  const record = context.state.containers.byId(live.id);
  if (record === undefined) return;
  context.state.transaction(() => {
    context.state.health.put(live.id, { ...report, attempt: live.attempt });
    context.emit(record, `health_status: ${report.status}`);
  });
}

/** A paused container is not checked. docker calls it unhealthy until the first success after that. */
export function pauseHealth(context: EngineContext, id: string): void {
  void context.health.get(id)?.stopUnhealthy();
}

export function resumeHealth(context: EngineContext, id: string): void {
  context.health.get(id)?.start();
}

/** The process has ended: a probe under way ends with it, and says nothing. */
export function unwatchHealth(context: EngineContext, live: Pick<LiveContainer, 'id' | 'attempt'>): void {
  const monitor = context.health.get(live.id);
  if (monitor === undefined) return;
  context.health.delete(live.id);
  void monitor.stopUnhealthy();
  context.state.health.put(live.id, { ...monitor.report, attempt: live.attempt });
}

/** The daemon stops: what was found is kept for the next one. Resolves when no probe is left in any container. */
export async function closeHealth(context: EngineContext): Promise<void> {
  const monitors = [...context.health];
  context.health.clear();
  for (const [id, { report }] of monitors) {
    const live = context.live.get(id);
    if (live !== undefined) context.state.health.put(id, { ...report, attempt: live.attempt });
  }
  await Promise.all(monitors.map(([, monitor]) => monitor.stop()));
}

/** What is known of a container's health; undefined where it has no check, or was never started. */
export function healthReport(
  context: Pick<EngineContext, 'health' | 'state'>,
  record: ContainerRecord,
): HealthReport | undefined {
  if (record.config.health === undefined) return undefined;
  return context.health.get(record.id)?.report ?? context.state.health.get(record.id);
}

/** docker's word: none, starting, healthy or unhealthy. */
export function healthStatus(context: EngineContext, record: ContainerRecord): string {
  return healthReport(context, record)?.status ?? 'none';
}
