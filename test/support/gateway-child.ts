/** What gateway-load.test.ts measures, as processes: `daemon DIR` is a fake buildkitd, `gateway DIR` the gateway before it. */
import type { ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { RpcServer } from '../../src/api/rpc/server.ts';
import { createGateway } from '../../src/daemon/gateway/gateway.ts';
import { silentLog } from '../../src/host/log.ts';
import { startServer } from './rpc.ts';

const [role, directory = ''] = process.argv.slice(2);
const buildkitd = join(directory, 'buildkitd.sock');

function answer(stream: ServerHttp2Stream, path: string): void {
  stream.on('error', () => undefined);
  if (path.includes('/never')) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  if (path.includes('/echo')) {
    stream.pipe(stream);
    return;
  }
  if (path.includes('/sink')) {
    stream.on('data', () => undefined);
    stream.on('end', () => stream.end('done'));
    return;
  }
  stream.resume();
  const chunk = Buffer.alloc(64 << 10);
  let left = (Number(/mb=(\d+)/.exec(path)?.[1]) << 20) / chunk.length;
  const send = () => {
    while (left > 0 && !stream.destroyed) {
      left--;
      if (!stream.write(chunk) && stream.writableLength > 1 << 20) {
        stream.once('drain', send);
        return;
      }
    }
    stream.end();
  };
  send();
}

if (role === 'daemon') {
  const server = await startServer(
    (stream, raw) => answer(stream, raw[raw.indexOf(':path') + 1] ?? ''),
    { maxSessionMemory: 1000, settings: { initialWindowSize: 8 << 20 } },
    buildkitd,
  );
  // The connection's own window, as grpc-go has it: grown with the first connections.
  setInterval(() => {
    for (const session of server.sessions) {
      if (session.state.localWindowSize !== undefined && (session.state.effectiveLocalWindowSize ?? 0) < 16 << 20) {
        session.setLocalWindowSize(16 << 20);
      }
    }
  }, 20);
} else {
  const gateway = createGateway({
    socketPath: join(directory, 'k3c.sock'),
    rpc: new RpcServer(),
    upstreams: { containerd: join(directory, 'none'), buildkitd },
    kubelet: {
      socketPath: join(directory, 'kubelet.sock'),
      isOwn: () => false,
      isPinned: () => false,
      onPulled: () => undefined,
    },
    log: silentLog,
  });
  await gateway.listen();
}
process.send?.('ready');
// The parent's death must be ours: the channel to it closes.
process.once('disconnect', () => process.exit(0));
