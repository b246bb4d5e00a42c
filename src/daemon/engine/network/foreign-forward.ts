import { counter, inputInterface, outputInterface, Verdict, verdict } from '../../../host/netlink/nft-expressions.ts';
import {
  applyBatch,
  type ChainId,
  deleteRule,
  Family,
  Hook,
  newRule,
  type Rule,
} from '../../../host/netlink/nftables.ts';
import { type Chain, listChains, listRules } from '../../../host/netlink/nftables-list.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';

/**
 * Passage through the forward chains of others. An accept in our own table does not override a drop in another one:
 * docker, ufw and many a hand-written firewall drop what they do not know. So two rules that accept what comes from or
 * goes to our bridge are put at the head of such a chain. What may pass at all is still decided in our own table, where
 * a drop is final.
 */

const inward = (bridge: string): string => `k3c to ${bridge}`;
const outward = (bridge: string): string => `k3c from ${bridge}`;

/**
 * Where to let a bridge through: in docker's chain for user rules, where docker has one (it keeps that chain when it
 * restarts); in forward chains with the policy drop; and in firewalld's, which rejects by a last rule instead.
 */
function gates(chains: readonly Chain[]): ChainId[] {
  return chains
    .filter(({ base, table }) => base?.hook === Hook.FORWARD && (base.drops || table === 'firewalld'))
    .map((chain) => chains.find((other) => other.table === chain.table && other.chain === 'DOCKER-USER') ?? chain);
}

/** A bridge that is to pass, and whether it has addresses of IPv6 too. */
export interface Passing {
  readonly name: string;
  readonly ipv6: boolean;
}

/**
 * Lets bridges through where they would be dropped; returns how many rules were missing and are there now. Reads the chains of others once,
 * however many bridges there are: kube-proxy has thousands.
 */
export function admitBridges(socket: NetlinkSocket, bridges: readonly Passing[]): number {
  const withIpv6 = bridges.filter(({ ipv6 }) => ipv6);
  const families = [Family.IPV4, Family.INET, ...(withIpv6.length > 0 ? [Family.IPV6] : [])];
  const requests = families.flatMap((family) =>
    gates(listChains(socket, family)).flatMap((chain) => {
      const present = new Set(listRules(socket, chain, chain.chain).map(({ comment }) => comment));
      return (family === Family.IPV6 ? withIpv6 : bridges)
        .flatMap(({ name }) => [
          { comment: inward(name), match: outputInterface(name) },
          { comment: outward(name), match: inputInterface(name) },
        ])
        .filter(({ comment }) => !present.has(comment))
        .map(({ comment, match }) =>
          newRule(chain, [...match, counter(), verdict(Verdict.ACCEPT)], { atHead: true, comment }),
        );
    }),
  );
  if (requests.length > 0) applyBatch(socket, requests);
  return requests.length;
}

/** Takes a bridge's rules out of all chains of others. */
export function withdrawBridge(socket: NetlinkSocket, bridge: string): void {
  const ours = new Set([inward(bridge), outward(bridge)]);
  const rules: Rule[] = [Family.IPV4, Family.IPV6, Family.INET].flatMap((family) => {
    const tables = new Set(listChains(socket, family).map(({ table }) => table));
    return [...tables].flatMap((table) =>
      listRules(socket, { family, table }).filter(({ comment }) => ours.has(comment)),
    );
  });
  if (rules.length > 0) applyBatch(socket, rules.map(deleteRule));
}
