/** The gateway against containerd's own socket, over the same client: what passing through costs. */
import { ContentDefinition } from '../../src/api/gen/services/content/v1/content.ts';
import { VersionDefinition } from '../../src/api/gen/services/version/v1/version.ts';
import { Connection, createClient } from '../../src/api/rpc/client.ts';
import { median } from './measure.ts';

const METADATA = [['containerd-namespace', 'k8s.io']] as const;

/** Added milliseconds of a unary call, medians of calls that take turns. */
export async function gatewayLatency(
  gateway: string,
  direct: string,
  calls = 400,
): Promise<{ readonly gateway: number; readonly direct: number }> {
  const connections = { gateway: Connection.unix(gateway), direct: Connection.unix(direct) };
  const times: Record<keyof typeof connections, number[]> = { gateway: [], direct: [] };
  for (let i = -20; i < calls; i += 1) {
    for (const side of ['gateway', 'direct'] as const) {
      const client = createClient(VersionDefinition, connections[side]);
      const started = performance.now();
      await client.version({}, { metadata: METADATA });
      if (i >= 0) times[side].push(performance.now() - started);
    }
  }
  for (const connection of Object.values(connections)) connection.close();
  const middle = (values: number[]) => median(values.toSorted((a, b) => a - b));
  return { gateway: middle(times.gateway), direct: middle(times.direct) };
}

/** MB/s of reading the largest blob of the content store, medians of reads that take turns. */
export async function gatewayThroughput(
  gateway: string,
  direct: string,
  reads = 5,
): Promise<{ readonly gateway: number; readonly direct: number; readonly megabytes: number }> {
  const connections = { gateway: Connection.unix(gateway), direct: Connection.unix(direct) };
  let largest = { digest: '', size: 0n };
  for await (const { info } of createClient(ContentDefinition, connections.direct).list({}, { metadata: METADATA })) {
    for (const blob of info) if (blob.size > largest.size) largest = blob;
  }
  const speeds: Record<keyof typeof connections, number[]> = { gateway: [], direct: [] };
  for (let i = -1; i < reads; i += 1) {
    for (const side of ['gateway', 'direct'] as const) {
      const started = performance.now();
      let bytes = 0;
      for await (const { data } of createClient(ContentDefinition, connections[side]).read(
        { digest: largest.digest },
        { metadata: METADATA },
      ))
        bytes += data.length;
      if (i >= 0) speeds[side].push(bytes / 1000 / (performance.now() - started));
    }
  }
  for (const connection of Object.values(connections)) connection.close();
  const middle = (values: number[]) => median(values.toSorted((a, b) => a - b));
  return { gateway: middle(speeds.gateway), direct: middle(speeds.direct), megabytes: Number(largest.size) / 1e6 };
}
