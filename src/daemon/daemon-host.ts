/** The process that the daemon runs in. */
import type { Duplex } from 'node:stream';
import type { RpcServer } from '../api/rpc/server.ts';

/** What the daemon needs of the process it runs in. */
export interface DaemonHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGTERM or SIGINT: stop, and leave the containers running. */
  readonly signal: AbortSignal;
  readonly logsToTerminal: boolean;
  /** Calls back at every SIGHUP until the returned function is called. */
  readonly onReload?: (listener: () => Promise<void>) => () => void;
  /** Called when everything is served, with what it serves and where; what it returns is closed first when the daemon stops. */
  readonly onReady?: (served: {
    readonly address: string;
    readonly inside: { readonly rpc: RpcServer; readonly builder: () => Duplex };
  }) => Promise<{ close(): Promise<void> } | undefined>;
}
