/** `k3c version` */
import { arch } from 'node:os';
import type { VersionResponse } from '../../api/gen/k3c.ts';
import { apiVersion, gitCommit, version as ownVersion } from '../../api/version.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { value } from '../flags/option.ts';
import { INSPECT_FORMAT_HELP } from '../output/inspect.ts';
import { inWords } from '../output/rows.ts';
import { alignColon } from '../output/tabs.ts';
import { compileTemplate } from '../output/template/template.ts';
import { toJson } from '../output/template/values.ts';

interface VersionFlags {
  readonly format?: string;
}

/** docker's field names, so that its templates fit. */
interface Side {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly APIVersion?: string;
  readonly GitCommit: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion?: string;
  readonly Components?: readonly { Name: string; Version: string; Details: Readonly<Record<string, string>> }[];
}

export const version: CommandDefinition<VersionFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(value('-f, --format <string>', INSPECT_FORMAT_HELP));
  },
  async run(context, _operands, flags) {
    const template = compile(flags.format);
    let server: Side | null = null;
    let failure: unknown;
    try {
      server = await askServer(context);
    } catch (error) {
      failure = error;
    }
    const client = clientSide();
    if (template === undefined)
      context.stdout.write(`${clientText(client)}${server === null ? '' : serverText(server)}`);
    else context.stdout.write(`${inWords(() => template({ Client: client, Server: server }))}\n`);
    // The client's part is told whatever the daemon says.
    if (failure !== undefined) throw failure;
    return 0;
  },
};

function compile(format: string | undefined): ((value: unknown) => string) | undefined {
  if (format === undefined || format === '') return undefined;
  if (format === 'json') return (sides) => toJson(sides);
  const template = inWords(() => compileTemplate(format));
  return (sides) => template.execute(sides);
}

async function askServer(context: CommandContext): Promise<Side> {
  const { system } = await context.client();
  const answer: VersionResponse = await system.version({}, { signal: context.signal });
  return {
    Version: answer.version,
    ApiVersion: answer.apiVersion,
    APIVersion: answer.apiVersion,
    GitCommit: answer.gitCommit,
    Os: answer.os,
    Arch: answer.arch,
    KernelVersion: answer.kernel,
    Components: answer.components.map((part) => ({ Name: part.name, Version: part.version, Details: part.details })),
  };
}

function clientSide(): Side {
  const goArch = arch() === 'x64' ? 'amd64' : arch();
  return {
    Version: ownVersion,
    ApiVersion: apiVersion,
    APIVersion: apiVersion,
    GitCommit: gitCommit,
    Os: 'linux',
    Arch: goArch,
  };
}

function clientText(side: Side): string {
  return `Client:\n${alignColon(common(side), 1)}`;
}

function serverText(side: Side): string {
  const engine: [string, string][] = [...common(side), ['Kernel version', side.KernelVersion ?? '']];
  const parts = (side.Components ?? []).map(({ Name, Version, Details }) => {
    const details = Object.entries(Details).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return ` ${Name}:\n${alignColon([['Version', Version], ...details], 2)}`;
  });
  return `\nServer:\n Engine:\n${alignColon(engine, 2)}${parts.join('')}`;
}

function common(side: Side): [string, string][] {
  return [
    ['Version', side.Version],
    ['API version', side.ApiVersion],
    ['Git commit', side.GitCommit],
    ['OS/Arch', `${side.Os}/${side.Arch}`],
  ];
}
