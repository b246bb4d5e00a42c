/** Bytes through the interfaces of a network namespace, without its loopback device (proc_pid_net(5)). */
export interface NetworkBytes {
  readonly received: number;
  readonly sent: number;
}

/** @param text of /proc/PID/net/dev: two heading lines, then `eth0: RECEIVED 7 MORE SENT …` */
export function parseNetDev(text: string): NetworkBytes {
  let received = 0;
  let sent = 0;
  for (const line of text.split('\n').slice(2)) {
    const colon = line.indexOf(':');
    if (colon < 0 || line.slice(0, colon).trim() === 'lo') continue;
    const values = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    received += values[0] ?? 0;
    sent += values[8] ?? 0;
  }
  return { received, sent };
}
