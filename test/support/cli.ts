/** Runs command lines on a made-up side: streams in memory, a terminal of any kind, a client of the test's own. */
import { PassThrough, type Readable, Writable } from 'node:stream';
import type { ContainerSpec, CreateRequest, StreamInput, StreamOutput } from '../../src/api/gen/k3c.ts';
import type { BidiCall } from '../../src/api/rpc/types.ts';
import type { Host } from '../../src/cli/context.ts';
import { runCli } from '../../src/cli/program.ts';
import type { K3cClient } from '../../src/client/client.ts';

export interface CliOptions {
  readonly client?: FakeClient;
  readonly stdin?: Readable;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly tty?: Partial<Host['terminal']['isTty']>;
  readonly size?: { readonly columns: number; readonly rows: number };
}

/** A client of which a test gives the methods it expects to be called; any other is an error. */
export interface FakeClient {
  readonly containers?: object;
  readonly images?: object;
  readonly system?: object;
  readonly networks?: object;
  readonly pods?: object;
  readonly volumes?: object;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly out: string;
  readonly err: string;
}

/** A host for tests, with what happened to it. */
export class TestHost implements Host {
  readonly env: Host['env'];
  readonly cwd: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly terminal: Host['terminal'];
  readonly signal: AbortSignal;
  /** `raw` and `cooked`, as the terminal was set. */
  readonly modes: string[] = [];
  readonly #written: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  readonly #stdin: Readable;
  readonly #controller = new AbortController();
  readonly #signalListeners = new Set<(signal: NodeJS.Signals) => void>();
  readonly #resizeListeners = new Set<(size: { columns: number; rows: number }) => void>();
  #size: { columns: number; rows: number };

  constructor(options: CliOptions) {
    this.env = options.env ?? {};
    this.cwd = options.cwd ?? '/work';
    this.#stdin = options.stdin ?? new PassThrough().end();
    this.stdout = this.#sink(this.#written.stdout);
    this.stderr = this.#sink(this.#written.stderr);
    this.signal = this.#controller.signal;
    this.#size = { columns: 0, rows: 0, ...options.size };
    this.terminal = {
      isTty: { stdin: false, stdout: false, stderr: false, ...options.tty },
      size: () => this.#size,
      onResize: (listener) => {
        this.#resizeListeners.add(listener);
        return () => void this.#resizeListeners.delete(listener);
      },
      setRawMode: (raw) => void this.modes.push(raw ? 'raw' : 'cooked'),
    };
  }

  stdin = (): Readable => this.#stdin;

  onSignal = (listener: (signal: NodeJS.Signals) => void): (() => void) => {
    this.#signalListeners.add(listener);
    return () => void this.#signalListeners.delete(listener);
  };

  flush = (): Promise<void> => Promise.resolve();

  /** Sends a signal as the process would get it. */
  kill(signal: NodeJS.Signals): void {
    if (this.#signalListeners.size === 0) this.#controller.abort(signal);
    for (const listener of this.#signalListeners) listener(signal);
  }

  resize(size: { columns: number; rows: number }): void {
    this.#size = size;
    for (const listener of this.#resizeListeners) listener(size);
  }

  /** How many listeners commands have left behind. */
  get listeners(): number {
    return this.#signalListeners.size + this.#resizeListeners.size;
  }

  get out(): Buffer {
    return Buffer.concat(this.#written.stdout);
  }

  get err(): Buffer {
    return Buffer.concat(this.#written.stderr);
  }

  #sink(into: Buffer[]): Writable {
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        into.push(chunk);
        done();
      },
    });
  }
}

/** Runs a command line to its end. */
export async function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const host = new TestHost(options);
  const code = await runOn(host, argv, options.client);
  return { code, stdout: host.out, out: host.out.toString(), err: host.err.toString() };
}

/** `create` of a container with these flags, and the spec that the daemon is asked for; undefined where it is not asked. */
export async function create(...flags: string[]): Promise<CliResult & { readonly spec: ContainerSpec | undefined }> {
  let spec: ContainerSpec | undefined;
  const result = await cli(['create', ...flags, 'busybox'], {
    client: {
      containers: {
        create: (request: CreateRequest) => {
          spec = request.spec;
          return Promise.resolve({ id: 'id', name: 'n', warnings: [] });
        },
      },
    },
  });
  return { ...result, spec };
}

/** Runs a command line on a host of the test's own. */
export function runOn(host: TestHost, argv: readonly string[], client?: FakeClient): Promise<number> {
  return runCli(argv, host, { connect: () => Promise.resolve(toClient(client ?? {})) });
}

function toClient(fake: FakeClient): K3cClient {
  const strict = (service: string, methods: object = {}) =>
    new Proxy(methods, {
      get(target, name) {
        if (!Reflect.has(target, name)) throw new Error(`the test expects no call of ${service}.${String(name)}`);
        return Reflect.get(target, name) as unknown;
      },
    });
  return {
    containers: strict('containers', fake.containers),
    images: strict('images', fake.images),
    system: strict('system', fake.system),
    networks: strict('networks', fake.networks),
    pods: strict('pods', fake.pods),
    volumes: strict('volumes', fake.volumes),
    close: () => undefined,
  } as unknown as K3cClient;
}

/** One call of Run, Attach or Exec as the daemon's side of it: a test reads inputs and gives outputs. */
export class FakeStreamCall implements BidiCall<Partial<StreamInput>, StreamOutput> {
  readonly inputs: StreamInput['input'][] = [];
  cancelled = false;
  ended = false;
  readonly #script: (call: FakeStreamCall) => AsyncGenerator<StreamOutput['output']>;
  readonly #waiters: (() => void)[] = [];

  /** @param script yields what the daemon answers; it may wait for inputs with `seen` */
  constructor(script: (call: FakeStreamCall) => AsyncGenerator<StreamOutput['output']>) {
    this.#script = script;
  }

  async send(request: Partial<StreamInput>): Promise<void> {
    if (this.cancelled) throw new Error('the call is over');
    this.inputs.push(request.input);
    this.#wake();
    await Promise.resolve();
  }

  end(): void {
    this.ended = true;
  }

  cancel(): void {
    this.cancelled = true;
    this.#wake();
  }

  /** All stdin so far. */
  get stdin(): Buffer {
    return Buffer.concat(this.inputs.flatMap((input) => (input?.$case === 'stdin' ? [input.value] : [])));
  }

  /** Resolves when the inputs so far are as wished. Rejects when the call was cancelled instead. */
  async seen(wished: (inputs: readonly StreamInput['input'][]) => boolean): Promise<void> {
    while (!wished(this.inputs)) {
      if (this.cancelled) throw Object.assign(new Error('cancelled'), { name: 'AbortError' });
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamOutput> {
    for await (const output of this.#script(this)) yield { output };
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
