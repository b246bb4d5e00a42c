/** The flags of the ports and names of containers and pods. */
import type { Option } from 'commander';
import { NetworkOptions } from '../../api/gen/k3c.ts';
import { checkAddress, checkDomain, checkMac, parseExtraHost } from '../flags/names.ts';
import { flag, otherName, value, values } from '../flags/option.ts';
import { parseExpose } from '../flags/ports.ts';

export interface NetworkFlags {
  readonly addHost?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsOption?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly domainname?: string;
  readonly ip?: string;
  readonly ip6?: string;
  readonly macAddress?: string;
  readonly networkAlias?: readonly string[];
  readonly expose?: readonly (readonly string[])[];
  readonly publishAll?: boolean;
}

/** Those of run and create alone. */
export function networkFlags(): Option[] {
  return [
    value('--domainname <string>', 'Container NIS domain name'),
    values('--expose <list>', 'Expose a port or a range of ports', parseExpose),
    flag('-P, --publish-all', 'Publish all exposed ports to random ports'),
  ];
}

/** Those that `pod create` has too, with what docker called them once, and fingers still do. */
export function addressFlags(of: 'container' | 'pod'): Option[] {
  const dnsOption = values('--dns-option <list>', 'Set DNS options');
  const alias = values('--network-alias <list>', `Add network-scoped alias for the ${of}`);
  return [
    values('--add-host <list>', 'Add a custom host-to-IP mapping (host:ip)', parseExtraHost),
    values('--dns <list>', 'Set custom DNS servers', checkAddress),
    dnsOption,
    otherName(dnsOption, '--dns-opt <list>'),
    values('--dns-search <list>', 'Set custom DNS search domains', checkDomain),
    value('--ip <string>', 'IPv4 address (e.g., 172.30.100.104)', checkAddress),
    value('--ip6 <string>', 'IPv6 address (e.g., 2001:db8::33)', checkAddress),
    value('--mac-address <string>', 'MAC address (e.g., 92:d0:c6:0a:29:33)', checkMac),
    alias,
    otherName(alias, '--net-alias <list>'),
  ];
}

/** What they ask for. */
export function toNetwork(flags: NetworkFlags): NetworkOptions {
  return NetworkOptions.fromPartial({
    dns: [...(flags.dns ?? [])],
    dnsSearch: [...(flags.dnsSearch ?? [])],
    dnsOptions: [...(flags.dnsOption ?? [])],
    extraHosts: [...(flags.addHost ?? [])],
    publishAll: flags.publishAll === true,
    exposedPorts: [...new Set((flags.expose ?? []).flat())],
    domainname: flags.domainname ?? '',
    ip: flags.ip ?? '',
    ip6: flags.ip6 ?? '',
    macAddress: flags.macAddress ?? '',
    aliases: [...(flags.networkAlias ?? [])],
  });
}
