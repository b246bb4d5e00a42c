import { TransportProtocol } from '../../../host/netlink/conntrack.ts';
import { counter, destinationPortIs, inputInterface, Verdict, verdict } from '../../../host/netlink/nft-expressions.ts';
import { applyBatch, deleteRule, Family, Hook, newRule, type Rule } from '../../../host/netlink/nftables.ts';
import { listChains, listRules } from '../../../host/netlink/nftables-list.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';

/**
 * Passage through the input chains of others: ufw, firewalld and many a hand-written firewall drop what comes to this host
 * unasked, and so the questions of containers to their gateway. Only the port where names are answered is opened, and only for
 * what comes in from our bridge.
 */

const PREFIX = 'k3c names of ';

/** Where names of a network are answered. */
export interface NamePassage {
  readonly bridge: string;
  readonly port: number;
}

function commentOf({ bridge, port }: NamePassage, protocol: string): string {
  return `${PREFIX}${bridge}: ${protocol} ${port}`;
}

/** Lets questions through where they would be dropped, and takes back what is not wanted any more of these bridges; returns how many rules were missing. */
export function admitNames(
  socket: NetlinkSocket,
  passages: readonly NamePassage[],
  bridges: readonly string[],
): number {
  const wanted = passages.flatMap((passage) =>
    (['udp', 'tcp'] as const).map((protocol) => ({ ...passage, protocol, comment: commentOf(passage, protocol) })),
  );
  const comments = new Set(wanted.map(({ comment }) => comment));
  let missing = 0;
  const requests = [Family.IPV4, Family.INET].flatMap((family) =>
    listChains(socket, family)
      .filter(({ base, table }) => base?.hook === Hook.INPUT && (base.drops || table === 'firewalld'))
      .flatMap((chain) => {
        const rules = listRules(socket, chain, chain.chain);
        const present = new Set(rules.map(({ comment }) => comment));
        const added = wanted
          .filter(({ comment }) => !present.has(comment))
          .map(({ bridge, port, protocol, comment }) =>
            newRule(
              chain,
              [
                ...inputInterface(bridge),
                ...destinationPortIs(TransportProtocol[protocol], port),
                counter(),
                verdict(Verdict.ACCEPT),
              ],
              { atHead: true, comment },
            ),
          );
        missing += added.length;
        const stale = rules.filter(({ comment }) => isOurs(comment, bridges) && !comments.has(comment));
        return [...added, ...stale.map(deleteRule)];
      }),
  );
  if (requests.length > 0) applyBatch(socket, requests);
  return missing;
}

function isOurs(comment: string, bridges: readonly string[]): boolean {
  return bridges.some((bridge) => comment.startsWith(`${PREFIX}${bridge}: `));
}

/** Takes the rules of a bridge out of all chains of others. */
export function withdrawNames(socket: NetlinkSocket, bridge: string): void {
  const rules: Rule[] = [Family.IPV4, Family.INET].flatMap((family) => {
    const tables = new Set(listChains(socket, family).map(({ table }) => table));
    return [...tables].flatMap((table) =>
      listRules(socket, { family, table }).filter(({ comment }) => isOurs(comment, [bridge])),
    );
  });
  if (rules.length > 0) applyBatch(socket, rules.map(deleteRule));
}
