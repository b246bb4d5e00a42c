/**
 * `dns-client.ts SERVER NAME`: asks for an A record over UDP and prints, as JSON, the median time of an answer when one
 * question follows another (ms), and the answers a second with many questions on their way (rate).
 */
import { createSocket } from 'node:dgram';
import { encode } from 'dns-packet';
import { median } from './measure.ts';

const SINGLE = 500;
const AT_ONCE = 64;
const RATE_MS = 2000;
/** After so long a question counts as lost. */
const PATIENCE_MS = 1000;

const [server = '', name = ''] = process.argv.slice(2);
const socket = createSocket('udp4');
const waiting = new Map<number, () => void>();
socket.on('message', (answer) => {
  // Answers in the header (RFC 1035, 4.1.1): none would be a name that is not known.
  if (answer.readUInt16BE(6) === 0) throw new Error(`${server} knows no ${name}`);
  waiting.get(answer.readUInt16BE(0))?.();
});

let id = 0;
async function ask(): Promise<void> {
  id = (id + 1) % 65_536;
  const own = id;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(() => reject(new Error(`${server} does not answer`)), PATIENCE_MS);
  waiting.set(own, resolve);
  socket.send(encode({ type: 'query', id: own, flags: 0x100, questions: [{ type: 'A', name }] }), 53, server);
  try {
    await promise;
  } finally {
    clearTimeout(late);
    waiting.delete(own);
  }
}

const times: number[] = [];
for (let i = 0; i < SINGLE; i += 1) {
  const started = performance.now();
  await ask();
  times.push(performance.now() - started);
}
const started = performance.now();
let answered = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() - started < RATE_MS) {
      await ask();
      answered += 1;
    }
  }),
);
const rate = (answered * 1000) / (performance.now() - started);
socket.close();
console.log(JSON.stringify({ ms: median(times.toSorted((a, b) => a - b)), rate }));
