import type { NamePassage } from './foreign-input.ts';
import type { PublishedPort } from './ruleset.ts';

/** Where resolvers ask (RFC 1035, 4.2). */
const NAME_PORT = 53;
/** Below the ports that the kernel picks, the same at every start: rules of an earlier daemon stay right. */
const PREFERRED_PORT = 15_353;

/**
 * Where names are answered, by bridge. Not on port 53 itself: a container that publishes port 53, or a server of the host on all
 * addresses, has that one; the rules lead port 53 of the gateway to another port instead, before any published port.
 */
export class NameServers {
  readonly #byBridge = new Map<string, { readonly gateway: string; readonly port: number }>();

  /** The ports to try on a gateway, best first; 0: any. Without rules only port 53 itself will do. */
  static candidates(rules: boolean): readonly number[] {
    return rules ? [PREFERRED_PORT, 0] : [NAME_PORT];
  }

  /** Replaces what was known of a bridge; undefined: names are not answered there. Returns the ports that lead there now. */
  set(bridge: string, gateway: string, port: number | undefined): readonly PublishedPort[] {
    if (port === undefined) this.#byBridge.delete(bridge);
    else this.#byBridge.set(bridge, { gateway, port });
    return this.#portsOf(gateway, port ?? NAME_PORT);
  }

  /** As published ports of the gateways, but for those that a container publishes itself: a user who does that means it. */
  published(others: readonly PublishedPort[]): PublishedPort[] {
    const key = ({ hostIp, hostPort, protocol }: PublishedPort) => `${hostIp} ${hostPort} ${protocol}`;
    const taken = new Set(others.map(key));
    const own = [...this.#byBridge.values()].flatMap(({ gateway, port }) => this.#portsOf(gateway, port));
    return own.filter((port) => !taken.has(key(port)));
  }

  /** What must come through the firewalls of others. */
  passages(): NamePassage[] {
    return [...this.#byBridge].map(([bridge, { port }]) => ({ bridge, port }));
  }

  #portsOf(gateway: string, port: number): PublishedPort[] {
    return (['udp', 'tcp'] as const).map((protocol) => ({
      hostIp: gateway,
      hostPort: NAME_PORT,
      protocol,
      podIp: gateway,
      containerPort: port,
    }));
  }
}
