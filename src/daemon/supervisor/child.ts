/**
 * One supervised child as a state machine: starting (readiness raced against its exit), ready, backing off after a death,
 * stopping. Its last lines of output go into the error when it dies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../api/errors.ts';
import type { Log } from '../../host/log.ts';
import { type Child, type ExitStatus, startChild } from '../../host/process.ts';

export type ChildState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting'; readonly pid: number }
  | { readonly kind: 'ready'; readonly pid: number; readonly since: number }
  | { readonly kind: 'backoff'; readonly failures: number; readonly error: K3cError }
  | { readonly kind: 'stopping'; readonly pid: number };

export interface SupervisedOptions {
  readonly name: string;
  /** Called before each start; returns what to run. */
  readonly prepare: () => Promise<{
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
  }>;
  /** Resolves when the child answers; called again and again until it does. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** Told each time the child is ready again after a death, before anything else is told. */
  readonly onRecovered?: (() => Promise<void>) | undefined;
  readonly log: Log;
  /** Takes one line of the child's output to the log. */
  readonly onLine: (line: string) => void;
  readonly readyTimeoutMs?: number;
}

const PROBE_INTERVAL_MS = 15;
const READY_TIMEOUT_MS = 60_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_CAP_MS = 10_000;
/** A child that has been ready this long starts its backoff anew. */
const STABLE_MS = 10_000;
const LAST_LINES = 8;

export class Supervised {
  readonly name: string;
  readonly #options: SupervisedOptions;
  readonly #stop = new AbortController();
  #state: ChildState = { kind: 'stopped' };
  #child: Child | undefined;
  #lines: string[] = [];
  #supervision: Promise<void> | undefined;
  /** A restart that was asked for, until the child is ready again or has failed to be. */
  #restart: PromiseWithResolvers<void> | undefined;
  /** After a death, until what depends on the child has recovered. */
  #return: PromiseWithResolvers<void> | undefined;

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get state(): ChildState {
    return this.#state;
  }

  /** Of the child that runs; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the child and resolves when it is ready. A child that dies first is an error with its last words, not a retry. */
  async start(signal: AbortSignal): Promise<void> {
    const child = await this.#launch(signal);
    this.#supervision = this.#supervise(child);
  }

  /** Ends the child: SIGTERM, then SIGKILL after the timeout, then waits until it is gone. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stop.abort();
    await this.#end(timeoutMs);
    await this.#supervision;
    this.#state = { kind: 'stopped' };
  }

  /** Ends the child as `stop` does and starts it anew. Does nothing while it is not ready: it is about to be started then. */
  async restart(timeoutMs: number): Promise<void> {
    if (this.#state.kind !== 'ready') return;
    this.#restart = Promise.withResolvers();
    const { promise } = this.#restart;
    await this.#end(timeoutMs);
    await promise;
  }

  /** Resolves at once but for the time of a restart that was asked for; then when that is over, however it went. */
  async settled(): Promise<void> {
    await this.#restart?.promise;
  }

  /** After a death that nobody asked for: resolves when it is ready again and what depends on it has recovered, or when it is stopped. */
  get returning(): Promise<void> | undefined {
    return this.#return?.promise;
  }

  async #end(timeoutMs: number): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#state = { kind: 'stopping', pid: child.pid };
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.#options.log.warn({ child: this.name, pid: child.pid }, 'did not stop in time, killing it');
      child.kill('SIGKILL');
    }, timeoutMs);
    await child.exited;
    clearTimeout(timer);
  }

  /** One start, up to readiness. */
  async #launch(signal: AbortSignal): Promise<Child> {
    const { name, log } = this.#options;
    const { command, args, env } = await this.#options.prepare();
    this.#lines = [];
    const started = performance.now();
    const child = await startChild({
      command,
      args,
      env,
      onLine: (line) => {
        this.#lines.push(line);
        if (this.#lines.length > LAST_LINES) this.#lines.shift();
        this.#options.onLine(line);
      },
    }).catch((cause: unknown) => {
      throw new K3cError(Code.INTERNAL, `cannot start ${name} (${command})`, { cause });
    });
    this.#child = child;
    this.#state = { kind: 'starting', pid: child.pid };
    const givenUp = new AbortController();
    const either = AbortSignal.any([signal, this.#stop.signal, givenUp.signal]);
    try {
      await Promise.race([
        this.#untilReady(either),
        child.exited.then((status) => {
          throw this.#death(status, 'before it was ready');
        }),
      ]);
    } catch (error) {
      child.kill('SIGKILL');
      await child.exited;
      this.#child = undefined;
      this.#state = { kind: 'stopped' };
      throw error;
    } finally {
      givenUp.abort();
    }
    this.#state = { kind: 'ready', pid: child.pid, since: Date.now() };
    log.info({ child: name, pid: child.pid, ms: Math.round(performance.now() - started) }, 'ready');
    return child;
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    const limit = this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    const deadline = performance.now() + limit;
    let last: unknown;
    while (performance.now() < deadline) {
      signal.throwIfAborted();
      try {
        await this.#options.probe(signal);
        return;
      } catch (error) {
        // Not up yet; what it said last is kept for the error.
        last = error;
      }
      await sleep(PROBE_INTERVAL_MS, undefined, { signal });
    }
    throw new K3cError(
      Code.DEADLINE_EXCEEDED,
      `${this.name} did not answer within ${limit / 1000} s${this.#lastWords()}`,
      {
        cause: last,
      },
    );
  }

  async #supervise(first: Child): Promise<void> {
    try {
      await this.#superviseOn(first);
    } finally {
      this.#endRestart();
      this.#endReturn();
    }
  }

  #endReturn(): void {
    this.#return?.resolve();
    this.#return = undefined;
  }

  #endRestart(): void {
    this.#restart?.resolve();
    this.#restart = undefined;
  }

  async #superviseOn(first: Child): Promise<void> {
    const { log } = this.#options;
    let child = first;
    let failures = 0;
    for (;;) {
      const since = Date.now();
      const status = await child.exited;
      this.#child = undefined;
      if (this.#stop.signal.aborted) return;
      if (this.#restart !== undefined) {
        try {
          child = await this.#launch(this.#stop.signal);
          failures = 0;
          continue;
        } catch (thrown) {
          if (this.#stop.signal.aborted) return;
          log.error({ child: this.name, err: thrown }, 'cannot be started again as it was asked for');
        } finally {
          this.#endRestart();
        }
      }
      this.#return = Promise.withResolvers();
      failures = Date.now() - since > STABLE_MS ? 1 : failures + 1;
      let error = this.#death(status, 'and is started again');
      for (;;) {
        log.error({ child: this.name, failures, lastLines: this.#lines }, error.message);
        this.#state = { kind: 'backoff', failures, error };
        const pause = Math.min(BACKOFF_FIRST_MS * 2 ** (failures - 1), BACKOFF_CAP_MS);
        try {
          await sleep(pause, undefined, { signal: this.#stop.signal });
          child = await this.#launch(this.#stop.signal);
          break;
        } catch (thrown) {
          if (this.#stop.signal.aborted) return;
          failures += 1;
          error = thrown instanceof K3cError ? thrown : new K3cError(Code.INTERNAL, String(thrown), { cause: thrown });
        }
      }
      await this.#options.onRecovered?.().catch((thrown: unknown) => {
        log.error({ child: this.name, err: thrown }, 'recovery after a restart failed');
      });
      this.#endReturn();
    }
  }

  #death(status: ExitStatus, when: string): K3cError {
    const how = status.signal === null ? `exited with code ${status.code}` : `was killed by ${status.signal}`;
    return new K3cError(Code.UNAVAILABLE, `${this.name} ${how} ${when}${this.#lastWords()}`);
  }

  #lastWords(): string {
    return this.#lines.length === 0 ? '' : `; its last lines:\n  ${this.#lines.join('\n  ')}`;
  }
}
