/** The rows and fields of `network ls`. */
import type { Network } from '../../api/gen/k3c.ts';
import { labelFields } from './label-fields.ts';
import type { ListForm } from './rows.ts';
import { goUtcTime } from './units.ts';

const SHORT_ID = 12;

/** docker's form of a list of networks. */
export function networkList({ truncate }: { readonly truncate: boolean }): ListForm<Network> {
  return {
    typeName: '*formatter.networkContext',
    quiet: '{{.ID}}',
    table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
    fields: {
      ID: { heading: 'NETWORK ID', value: ({ id }) => (truncate ? id.slice(0, SHORT_ID) : id) },
      Name: { heading: 'NAME', value: ({ name }) => name },
      Driver: { heading: 'DRIVER', value: ({ driver }) => driver },
      Scope: { heading: 'SCOPE', value: () => 'local' },
      IPv4: { heading: 'IPV4', value: () => 'true' },
      IPv6: { heading: 'IPV6', value: ({ ipv6 }) => String(ipv6) },
      Internal: { heading: 'INTERNAL', value: ({ internal }) => String(internal) },
      ...labelFields(),
      CreatedAt: { heading: 'CREATED AT', value: ({ createdAt }) => goUtcTime(createdAt) },
    },
  };
}
