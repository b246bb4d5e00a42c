/** k3c.v1.Containers on the container engine: messages in, the engine's words, messages out. */
import type { ContainersDefinition } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import type { ContainerEngine } from '../engine/containers/engine.ts';
import { parseCondition } from '../engine/containers/wait.ts';
import { toSummary } from './container-messages.ts';
import { toStats } from './container-stats.ts';
import { attachStream, execStream, runStream } from './container-streams.ts';
import { fileHandlers } from './files.ts';
import { toFilters } from './filters.ts';
import { toLogBatch } from './log-batches.ts';
import { toSpec } from './spec/container.ts';
import { toResources } from './spec/resources.ts';
import { toRestart } from './spec/restart.ts';

/** The handlers. What changes a container is never cut off by its caller: it is finished, or rolled back by the engine. */
export function containersService(engine: ContainerEngine): Handlers<typeof ContainersDefinition> {
  return {
    ...fileHandlers(engine.files),
    create: async ({ name, spec }) => {
      // Whoever attaches to its start feeds it, as in docker: only what `run -d` starts keeps its stdin open for ever.
      const record = await engine.create(name, toSpec(spec, true));
      return { id: record.id, name: record.name, warnings: [...record.warnings] };
    },
    start: async ({ container }) => {
      await engine.start(container);
      return {};
    },
    run: (call) => runStream(engine, call),
    attach: (call) => attachStream(engine, call),
    exec: (call) => execStream(engine, call),
    stop: async ({ container, timeout, signal }) => {
      await engine.stop(container, { timeout, signal });
      return {};
    },
    restart: async ({ container, timeout, signal }) => {
      await engine.restart(container, { timeout, signal });
      return {};
    },
    kill: async ({ container, signal }) => {
      await engine.kill(container, signal);
      return {};
    },
    pause: async ({ container }) => {
      await engine.pause(container);
      return {};
    },
    unpause: async ({ container }) => {
      await engine.unpause(container);
      return {};
    },
    rename: async ({ container, name }) => {
      engine.rename(container, name);
      return {};
    },
    remove: async ({ container, force, volumes }) => {
      await engine.remove(container, { force, volumes });
      return {};
    },
    update: async ({ container, resources, restart }) => ({
      warnings: [
        ...(await engine.update(container, {
          resources: toResources(resources),
          restart: restart === undefined ? undefined : toRestart(restart),
        })),
      ],
    }),
    wait: async ({ container, condition }, call) => {
      const { exitCode, error } = await engine.wait(container, parseCondition(condition), call.signal);
      return { exitCode, error };
    },
    prune: async ({ filters }, { signal }) => {
      const { deleted, reclaimed } = await engine.prune(toFilters(filters), signal);
      return { deleted: [...deleted], reclaimed: BigInt(reclaimed) };
    },
    list: async ({ all, last, filters, size }, call) => {
      const records = await engine.list({ all, last, filters: toFilters(filters) });
      const usages = size ? await Promise.all(records.map((record) => engine.diskUsage(record, call.signal))) : [];
      return {
        containers: records.map((record, i) =>
          toSummary(record, usages[i], engine.health(record), engine.podName(record)),
        ),
      };
    },
    inspect: async ({ container, size }, call) => {
      const document = await engine.inspect(container, call.signal);
      if (size) {
        const { writable, rootFs } = await engine.diskUsage(engine.find(container), call.signal);
        Object.assign(document, { SizeRw: Number(writable), SizeRootFs: Number(rootFs) });
      }
      return { document: Buffer.from(JSON.stringify(document)) };
    },
    stats: async ({ containers, all, once }, call) => {
      for await (const samples of engine.stats({ containers, all, once }, call.signal))
        await call.send({ containers: samples.map(toStats) });
    },
    top: async ({ container, psOptions }, call) => {
      const { titles, processes } = await engine.top(container, psOptions, call.signal);
      return { titles: [...titles], processes: processes.map((values) => ({ values: [...values] })) };
    },
    logs: async (request, call) => {
      const { container, follow, since, until, tail, stdout, stderr, timestamps, details } = request;
      if (details) await call.send({ details: engine.logDetails(container) });
      const batches = engine.logs(container, {
        stdout,
        stderr,
        follow,
        since: since === 0n ? undefined : since,
        until: until === 0n ? undefined : until,
        tail: tail === undefined || tail < 0n ? undefined : Number(tail),
        signal: call.signal,
        onSkipped: () => void call.send({ skipped: true }).catch(ignoreGone),
      });
      for await (const records of batches) await call.send(toLogBatch(records, timestamps));
    },
  };
}

/** A caller that has gone: the loop over its batches learns of that by itself. */
function ignoreGone(): void {
  // Nothing is left to be told.
}
