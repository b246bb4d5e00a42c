/** What a pull or push tells while it runs, and who it is towards a registry. */
import type { Reference } from '../../../api/reference.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { LayerUpdate } from './progress.ts';
import { realHost } from './registry-servers.ts';

export type TransferEvent =
  | { readonly kind: 'layer'; readonly layer: LayerUpdate }
  /** A line of its own. */
  | { readonly kind: 'status'; readonly text: string };

/**
 * Who to be towards which host: the caller's credentials at the registry of the reference and nowhere else, the
 * configured ones at any host, mirrors included.
 *
 * @param used told when the caller's or configured credentials were handed out
 */
export function credentialsFor(
  reference: Reference,
  given: Credentials,
  configured: (host: string) => Credentials,
  used: () => void,
): (host: string) => Credentials {
  const own = realHost(reference.domain);
  return (host) => {
    const found = (host === own ? given : undefined) ?? configured(host);
    if (found !== undefined) used();
    return found;
  };
}
