/**
 * The state of a build, kept up to date from the builder's status messages (buildkit util/progress/progressui). A vertex comes
 * again and again: completed after its cache lookup, started anew for the real run. The last word counts.
 */
import type { BuildStatus } from '../../../client/build/control.ts';
import { type Interval, toMilliseconds } from './intervals.ts';
import { Step } from './step.ts';

type Vertex = BuildStatus['vertexes'][number];

interface Member {
  readonly interval: Interval | undefined;
  readonly cached: boolean;
  readonly error: string;
  readonly weak: boolean;
}

interface Group {
  readonly step: Step;
  readonly members: Map<string, Member>;
}

/** What one message changed, for views that print as things happen. */
export interface Changes {
  /** How much happened in each step. */
  readonly activity: ReadonlyMap<Step, number>;
  /** The ids of the progress reported, by step. */
  readonly progress: ReadonlyMap<Step, ReadonlySet<string>>;
  readonly output: readonly { readonly step: Step; readonly text: string; readonly timestamp: number }[];
}

export class Trace {
  /** Steps that started, in that order. */
  readonly started: Step[] = [];
  /** When the first step started, in milliseconds since 1970. */
  startTime: number | undefined;
  readonly #steps = new Map<string, Step>();
  readonly #groups = new Map<string, Group>();

  /** All known steps, of groups the group alone. */
  get steps(): Step[] {
    return [...new Set(this.#steps.values())].filter((step) => !step.hidden);
  }

  update(status: BuildStatus): Changes {
    const activity = new Map<Step, number>();
    const progress = new Map<Step, Set<string>>();
    const note = (step: Step) => activity.set(step, (activity.get(step) ?? 0) + 1);
    const touched = new Set<Group>();
    for (const vertex of status.vertexes) {
      if (vertex.started !== undefined) this.startTime ??= toMilliseconds(vertex.started);
      if (vertex.progressGroup === undefined) {
        const step = this.#vertex(vertex);
        if (step !== undefined) note(step);
      } else touched.add(this.#member(vertex, vertex.progressGroup));
    }
    for (const group of touched) if (this.#refresh(group)) note(group.step);
    for (const report of status.statuses) {
      const step = this.#steps.get(report.vertex);
      if (step === undefined) continue;
      step.report({
        id: report.ID,
        current: Number(report.current),
        total: Number(report.total),
        timestamp: report.timestamp === undefined ? 0 : toMilliseconds(report.timestamp),
        started: report.started === undefined ? undefined : toMilliseconds(report.started),
        completed: report.completed === undefined ? undefined : toMilliseconds(report.completed),
      });
      const ids = progress.get(step) ?? new Set();
      progress.set(step, ids.add(report.ID));
      note(step);
    }
    for (const warning of status.warnings) {
      const step = this.#steps.get(warning.vertex);
      if (step === undefined) continue;
      step.warnings.push({
        short: warning.short.toString('utf8'),
        detail: warning.detail.map((line) => line.toString('utf8')),
        url: warning.url,
      });
      note(step);
    }
    const output = status.logs.flatMap(({ vertex, msg, timestamp }) => {
      const step = this.#steps.get(vertex);
      if (step === undefined) return [];
      note(step);
      return [{ step, text: step.decode(msg), timestamp: timestamp === undefined ? 0 : toMilliseconds(timestamp) }];
    });
    return { activity, progress, output };
  }

  /** The step of a vertex if anything about it changed. */
  #vertex(vertex: Vertex): Step | undefined {
    const known = this.#steps.get(vertex.digest);
    const step = known ?? new Step(vertex.digest, vertex.name);
    this.#steps.set(vertex.digest, step);
    if (vertex.started === undefined) return undefined;
    const start = toMilliseconds(vertex.started);
    const stop = vertex.completed === undefined ? undefined : toMilliseconds(vertex.completed);
    const before = step.intervals.get(start);
    const changed =
      before === undefined || before.stop !== stop || step.cached !== vertex.cached || step.error !== vertex.error;
    if (!step.started) this.started.push(step);
    step.name = vertex.name;
    step.cached = vertex.cached;
    step.error = vertex.error;
    step.ran({ start, stop });
    return changed ? step : undefined;
  }

  #member(vertex: Vertex, { id, name, weak }: { id: string; name: string; weak: boolean }): Group {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = { step: new Step(id, name), members: new Map() };
      group.step.hidden = true;
      this.#groups.set(id, group);
    }
    this.#steps.set(vertex.digest, group.step);
    const { started, completed, cached, error } = vertex;
    const stop = completed === undefined ? undefined : toMilliseconds(completed);
    const interval = started === undefined ? undefined : { start: toMilliseconds(started), stop };
    group.members.set(vertex.digest, { interval, cached, error, weak });
    return group;
  }

  /** A group is cached when all its members are, and has the first error of theirs. Says whether anything changed. */
  #refresh({ step, members }: Group): boolean {
    const all = [...members.values()];
    const cached = all.every((member) => member.cached);
    const error = all.find((member) => member.error !== '')?.error ?? '';
    let changed = cached !== step.cached || error !== step.error;
    for (const { interval } of all) {
      if (interval === undefined) continue;
      const before = step.intervals.get(interval.start);
      if (before !== undefined && before.stop === interval.stop) continue;
      step.ran(interval);
      changed = true;
    }
    step.cached = cached;
    step.error = error;
    const shown = error !== '' || all.some((member) => member.interval !== undefined && !member.weak);
    if (step.hidden && shown) {
      step.hidden = false;
      this.started.push(step);
      changed = true;
    }
    return changed && !step.hidden;
  }
}
