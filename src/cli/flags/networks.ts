/** `--network`: a name, or docker's list of pairs (docker/cli, opts/network.go). */
import { isIPv4, isIPv6 } from 'node:net';
import { csvFields } from './csv.ts';
import { checkMac } from './names.ts';

/** What is asked of one network. Empty: whatever is free. */
export interface NetworkWish {
  /** A network, host, none or container:NAME. */
  readonly network: string;
  readonly ip: string;
  readonly ip6: string;
  readonly aliases: readonly string[];
  readonly macAddress: string;
}

const PAIRS = /\w+=\w+(,\w+=\w+)*/;

/** Throws Error with docker's sentences. */
export function parseNetwork(text: string): NetworkWish {
  const nothing: NetworkWish = { network: '', ip: '', ip6: '', aliases: [], macAddress: '' };
  // An empty variable of a script must not mean the default network.
  if (text === '') throw new Error('no name set for network');
  if (!PAIRS.test(text)) return { ...nothing, network: text };
  const wish = csvFields(text).reduce(withField, nothing);
  if (wish.network === '') throw new Error('network name/id is not specified');
  return wish;
}

function withField(wish: NetworkWish, field: string): NetworkWish {
  const equals = field.indexOf('=');
  if (equals < 1) throw new Error(`invalid field ${field}`);
  const key = field.slice(0, equals).trim().toLowerCase();
  const value = field.slice(equals + 1).trim();
  switch (key) {
    case 'name':
      return { ...wish, network: value };
    case 'alias':
      return { ...wish, aliases: [...wish.aliases, value] };
    case 'ip':
      if (!isIPv4(value)) throw new Error(`invalid IPv4 address: ${value}`);
      return { ...wish, ip: value };
    case 'ip6':
      if (!isIPv6(value)) throw new Error(`invalid IPv6 address: ${value}`);
      return { ...wish, ip6: value };
    case 'mac-address':
      return { ...wish, macAddress: checkMac(value) };
    case 'driver-opt':
      throw new Error('k3c has no driver-opt: its networks have no options for a single container');
    case 'gw-priority':
      throw new Error('k3c has no gw-priority: the order of networks decides which one leads out, the first that can');
    default:
      throw new Error(`invalid field key ${key}`);
  }
}
