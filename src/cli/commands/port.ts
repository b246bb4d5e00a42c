/** `k3c port` */
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { compareNaturally } from '../output/natural-order.ts';

interface Document {
  readonly NetworkSettings?: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;
  };
}

export const port: CommandDefinition = {
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  operands: [1, 2],
  configure: () => undefined,
  async run(context, [container = '', asked = '']) {
    const { containers } = await context.client();
    const { document } = await containers.inspect({ container }, { signal: context.signal });
    const ports = (JSON.parse(document.toString('utf8')) as Document).NetworkSettings?.Ports ?? {};
    const addresses = (key: string) => (ports[key] ?? []).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`);
    let lines: string[];
    if (asked === '') {
      lines = Object.keys(ports).flatMap((key) => addresses(key).map((address) => `${key} -> ${address}`));
    } else {
      lines = addresses(portKey(asked));
      if (lines.length === 0) throw new CliError(`Error: No public port '${asked}' published for ${container}`);
    }
    if (lines.length > 0) context.stdout.write(`${lines.toSorted(compareNaturally).join('\n')}\n`);
    return 0;
  },
};

/** PORT[/PROTO] as the document names it; tcp unless given. */
function portKey(text: string): string {
  const slash = text.indexOf('/');
  const number = slash < 0 ? text : text.slice(0, slash);
  const protocol = (slash < 0 ? '' : text.slice(slash + 1)) || 'tcp';
  if (!/^\d+$/.test(number))
    throw new CliError(
      `Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: invalid syntax`,
    );
  if (Number(number) > 65_535)
    throw new CliError(
      `Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: value out of range`,
    );
  return `${Number(number)}/${protocol.toLowerCase()}`;
}
