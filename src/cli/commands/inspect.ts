/** `k3c inspect`, `k3c container inspect`, `k3c image inspect`, `k3c network inspect`, `k3c volume inspect`, `k3c pod inspect` */
import { Code, hasCode } from '../../api/errors.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { errorSentence } from '../exit.ts';
import { flag, value } from '../flags/option.ts';
import { INSPECT_FORMAT_HELP, inspectRenderer } from '../output/inspect.ts';

interface InspectFlags {
  readonly format?: string;
  readonly size?: boolean;
  readonly type?: string;
}

const formatFlag = () => value('-f, --format <string>', INSPECT_FORMAT_HELP);
const sizeFlag = () => flag('-s, --size', 'Display total file sizes if the type is container');

export const inspect: CommandDefinition<InspectFlags> = {
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    command.addOption(formatFlag()).addOption(sizeFlag());
    command.addOption(value('--type <string>', 'Only inspect objects of the given type'));
  },
  run: (context, operands, flags) => inspectAll(context, operands, flags, find(flags.type)),
};

export const inspectContainer: CommandDefinition<InspectFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(formatFlag()).addOption(sizeFlag()),
  run: (context, operands, flags) => inspectAll(context, operands, flags, findContainer),
};

export const inspectImage: CommandDefinition<InspectFlags> = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(formatFlag()),
  run: (context, operands, flags) => inspectAll(context, operands, flags, findImage),
};

export const inspectNetwork: CommandDefinition<InspectFlags> = {
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(formatFlag()),
  run: (context, operands, flags) => inspectAll(context, operands, flags, findNetwork),
};

export const inspectVolume: CommandDefinition<InspectFlags> = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(formatFlag()),
  run: (context, operands, flags) => inspectAll(context, operands, flags, findVolume),
};

export const inspectPod: CommandDefinition<InspectFlags> = {
  usage: '[OPTIONS] POD [POD...]',
  details: 'The name of a container that is in none shows its pod of one.',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(formatFlag()),
  run: (context, operands, flags) => inspectAll(context, operands, flags, findPod),
};

/** Fetches the document of a name. */
type Find = (context: CommandContext, name: string, size: boolean) => Promise<Buffer>;

const findContainer: Find = async (context, container, size) => {
  const { containers } = await context.client();
  return (await containers.inspect({ container, size }, { signal: context.signal })).document;
};

const findImage: Find = async (context, image) => {
  const { images } = await context.client();
  return (await images.inspect({ image }, { signal: context.signal })).document;
};

const findNetwork: Find = async (context, network) => {
  const { networks } = await context.client();
  return (await networks.inspect({ network }, { signal: context.signal })).document;
};

const findVolume: Find = async (context, volume) => {
  const { volumes } = await context.client();
  return (await volumes.inspect({ volume }, { signal: context.signal })).document;
};

const findPod: Find = async (context, pod) => {
  const { pods } = await context.client();
  return (await pods.inspect({ pod }, { signal: context.signal })).document;
};

/** The kinds, in the order in which docker looks for a name of any; ours comes last. */
const KINDS: Readonly<Record<string, Find>> = {
  container: findContainer,
  image: findImage,
  network: findNetwork,
  volume: findVolume,
  pod: findPod,
};

/** The first kind that has the name. */
const findAny: Find = async (context, name, size) => {
  for (const one of Object.values(KINDS)) {
    try {
      return await one(context, name, size);
    } catch (error) {
      // A name that no image can have (INVALID_ARGUMENT) is not there either, nor is what an older daemon knows nothing of.
      if (!hasCode(error, Code.NOT_FOUND, Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)) throw error;
    }
  }
  throw new CliError(`Error: No such object: ${name}`);
};

function find(type: string | undefined): Find {
  if (type === undefined) return findAny;
  const known = KINDS[type];
  if (known !== undefined) return known;
  const what = type === '' ? 'type is empty' : `unknown type: ${JSON.stringify(type)}`;
  const kinds = Object.keys(KINDS).map((kind) => JSON.stringify(kind));
  throw new CliError(`${what}: must be one of ${kinds.join(', ')}`);
}

async function inspectAll(
  context: CommandContext,
  names: readonly string[],
  flags: InspectFlags,
  fetch: Find,
): Promise<number> {
  const renderer = inspectRenderer(flags.format ?? '');
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      renderer.add(await fetch(context, name, flags.size === true));
    } catch (error) {
      if (hasCode(error, Code.CANCELLED, Code.UNAVAILABLE)) throw error;
      failures.push(error);
    }
  }
  context.stdout.write(renderer.end());
  for (const error of failures) context.stderr.write(`${errorSentence(error)}\n`);
  return failures.length === 0 ? 0 : 1;
}
