/** Containers made straight through CRI, with streams of ours: what the container engine does, without its state. */
import { join } from 'node:path';
import type { Containerd } from '../../src/daemon/backends/containerd.ts';
import { ContainerIo } from '../../src/daemon/engine/streams/container-io.ts';
import type { ContainerIoOptions, LogLimits, ProcessExit } from '../../src/daemon/engine/streams/types.ts';
import { waitForExit } from '../../src/daemon/engine/streams/wait-for-exit.ts';
import { silentLog } from '../../src/host/log.ts';
import { BUSYBOX_IMAGE } from './engine.ts';

export interface CriHost {
  readonly containerd: Containerd;
  readonly root: string;
  readonly state: string;
}

export interface ContainerRequest {
  readonly command: readonly string[];
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly logLimits?: LogLimits;
  readonly memoryBytes?: number;
}

type SandboxConfig = NonNullable<Parameters<Containerd['cri']['runPodSandbox']>[0]['config']>;

/** A sandbox on the host's network, in which containers are made one after the other or side by side. */
export class CriPod {
  readonly #host: CriHost;
  readonly #name: string;
  readonly #config: SandboxConfig;
  readonly sandboxId: string;
  #attempt = 0;

  private constructor(host: CriHost, name: string, config: SandboxConfig, sandboxId: string) {
    this.#host = host;
    this.#name = name;
    this.#config = config;
    this.sandboxId = sandboxId;
  }

  static async run(host: CriHost, name: string): Promise<CriPod> {
    const config: SandboxConfig = {
      metadata: { name, namespace: 'test', uid: name, attempt: 0 },
      logDirectory: join(host.root, 'logs'),
      linux: { securityContext: { namespaceOptions: { network: 2, pid: 1 } } },
    };
    const { podSandboxId } = await host.containerd.cri.runPodSandbox({ config });
    return new CriPod(host, name, config, podSandboxId);
  }

  /** CreateContainer and `ContainerIo.prepare`. */
  async create(request: ContainerRequest): Promise<CriContainer> {
    const attempt = this.#attempt++;
    const name = `c${attempt}`;
    const { containerId: criId } = await this.#host.containerd.cri.createContainer({
      podSandboxId: this.sandboxId,
      sandboxConfig: this.#config,
      config: {
        metadata: { name, attempt: 0 },
        image: { image: BUSYBOX_IMAGE },
        command: [...request.command],
        logPath: `${this.#name}-${name}.log`,
        stdin: request.stdin === true,
        stdinOnce: request.stdin === true,
        tty: request.tty === true,
        linux: {
          resources: { memoryLimitInBytes: BigInt(request.memoryBytes ?? 0) },
          securityContext: { namespaceOptions: { network: 2, pid: 1 } },
        },
      },
    });
    const options: ContainerIoOptions = {
      containerId: `${this.#name}-${name}`,
      criId,
      containerdState: join(this.#host.state, 'containerd'),
      fifoDir: join(this.#host.state, 'io'),
      logPath: join(this.#host.root, 'logs', `${this.#name}-${name}.log`),
      tty: request.tty === true,
      stdin: request.stdin === true,
      ...(request.stdinOnce === undefined ? {} : { stdinOnce: request.stdinOnce }),
      ...(request.logLimits ? { logLimits: request.logLimits } : {}),
      tasks: this.#host.containerd.tasks,
      log: silentLog,
    };
    return new CriContainer(this.#host.containerd, options, await ContainerIo.prepare(options));
  }

  async remove(): Promise<void> {
    await this.#host.containerd.cri.stopPodSandbox({ podSandboxId: this.sandboxId });
    await this.#host.containerd.cri.removePodSandbox({ podSandboxId: this.sandboxId });
  }
}

export class CriContainer {
  readonly #containerd: Containerd;
  readonly options: ContainerIoOptions;
  io: ContainerIo;

  constructor(containerd: Containerd, options: ContainerIoOptions, io: ContainerIo) {
    this.#containerd = containerd;
    this.options = options;
    this.io = io;
  }

  get criId(): string {
    return this.options.criId;
  }

  async start(): Promise<void> {
    try {
      await this.#containerd.cri.startContainer({ containerId: this.criId });
    } catch (error) {
      this.io.failed();
      throw error;
    }
    await this.io.started();
  }

  /** Waits for the exit and the end of the streams. */
  async wait(): Promise<ProcessExit> {
    const exit = await waitForExit(this.#containerd, this.criId, AbortSignal.timeout(120_000));
    await this.io.exited();
    return exit;
  }

  kill(signal = 9): Promise<unknown> {
    return this.#containerd.tasks.kill({ containerId: this.criId, execId: '', signal, all: false });
  }
}
