/** The rows and fields of `volume ls`. */
import type { Volume } from '../../api/gen/k3c.ts';
import { labelFields } from './label-fields.ts';
import type { ListForm } from './rows.ts';

/** docker's form of a list of volumes. What only swarm's volumes or a look at the disk could tell is N/A, as docker has it. */
export function volumeList(): ListForm<Volume> {
  const unknown = (heading: string) => ({ heading, value: () => 'N/A' });
  return {
    typeName: '*formatter.volumeContext',
    quiet: '{{.Name}}',
    table: '{{.Driver}}\t{{.Name}}',
    fields: {
      Name: { heading: 'VOLUME NAME', value: ({ name }) => name },
      Driver: { heading: 'DRIVER', value: ({ driver }) => driver },
      Scope: { heading: 'SCOPE', value: () => 'local' },
      Mountpoint: { heading: 'MOUNTPOINT', value: ({ mountpoint }) => mountpoint },
      ...labelFields(),
      Links: unknown('LINKS'),
      Size: unknown('SIZE'),
      Group: unknown('GROUP'),
      Availability: unknown('AVAILABILITY'),
      Status: unknown('STATUS'),
    },
  };
}
