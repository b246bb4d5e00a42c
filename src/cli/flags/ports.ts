/** `-p`: docker's port specifications (docker/go-connections nat.ParsePortSpec). */
import { isIP } from 'node:net';
import { PortRequest } from '../../api/gen/k3c.ts';

/**
 * Reads `[[ip:][hostPort]:]containerPort[/protocol]`; ports may be ranges of the same length, an IPv6 address stands in brackets.
 * A range of host ports for a single container port means any free one of them.
 * Throws Error with docker's sentence.
 */
export function parsePublish(text: string): PortRequest[] {
  const [spec = '', proto] = splitProtocol(text);
  const protocol = (proto === '' || proto === undefined ? 'tcp' : proto).toLowerCase();
  const { ip, host, container } = splitParts(spec);
  if (container === '') throw new Error(`no port specified: ${text}<empty>`);
  if (protocol === 'sctp') throw new Error(`cannot publish ${text}: k3c publishes tcp and udp, not sctp`);
  if (protocol !== 'tcp' && protocol !== 'udp') throw new Error(`invalid proto: ${protocol}`);
  if (ip !== '' && isIP(ip) === 0) throw new Error(`invalid IP address: ${ip}`);
  const target = parseRange(container, 'containerPort');
  const source = host === '' ? undefined : parseRange(host, 'hostPort');
  const count = target.last - target.first + 1;
  if (source !== undefined && count === 1 && source.last > source.first) {
    const range = { hostPort: source.first, hostPortEnd: source.last };
    return [PortRequest.fromPartial({ hostIp: ip, ...range, containerPort: target.first, protocol })];
  }
  if (source !== undefined && source.last - source.first + 1 !== count) {
    throw new Error(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
  }
  return Array.from({ length: count }, (_, i) =>
    PortRequest.fromPartial({
      hostIp: ip,
      hostPort: source === undefined ? 0 : source.first + i,
      containerPort: target.first + i,
      protocol,
    }),
  );
}

/** Reads `--expose PORT[-PORT][/PROTO]` into PORT/PROTO each. Throws Error with docker's sentences. */
export function parseExpose(text: string): string[] {
  if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`);
  const [ports = '', proto] = splitProtocol(text);
  const protocol = (proto === '' || proto === undefined ? 'tcp' : proto).toLowerCase();
  try {
    if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
    const { first, last } = parseRange(ports, 'containerPort');
    return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol}`);
  } catch (cause) {
    throw new Error(`invalid range format for --expose: ${text}, error: ${(cause as Error).message}`, { cause });
  }
}

function splitProtocol(text: string): [string, string | undefined] {
  const slash = text.indexOf('/');
  return slash < 0 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)];
}

function splitParts(spec: string): { ip: string; host: string; container: string } {
  const bracket = /^\[([^\]]*)\]:(.*)$/s.exec(spec);
  const parts = (bracket?.[2] ?? spec).split(':');
  if (bracket !== null) {
    if (parts.length === 1) return { ip: bracket[1] ?? '', host: '', container: parts[0] ?? '' };
    return { ip: bracket[1] ?? '', host: parts[0] ?? '', container: parts.slice(1).join(':') };
  }
  if (parts.length === 1) return { ip: '', host: '', container: parts[0] ?? '' };
  if (parts.length === 2) return { ip: '', host: parts[0] ?? '', container: parts[1] ?? '' };
  // An IPv6 address without brackets: what is before the last two parts.
  return { ip: parts.slice(0, -2).join(':'), host: parts.at(-2) ?? '', container: parts.at(-1) ?? '' };
}

function parseRange(text: string, name: 'containerPort' | 'hostPort'): { first: number; last: number } {
  const [first = '', last = first, ...more] = text.split('-');
  const from = port(first);
  const to = port(last);
  if (from === undefined || to === undefined || more.length > 0 || to < from)
    throw new Error(`invalid ${name}: ${text}`);
  if (name === 'containerPort' && from === 0) throw new Error(`invalid ${name}: ${text}`);
  return { first: from, last: to };
}

function port(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 65_535 ? value : undefined;
}
