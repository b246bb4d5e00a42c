/** What the flags of `build` ask for, as the client's build takes it. */
import type { BuildOptions, OutputOption } from '../../client/build/request/options.ts';
import type { CommandContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { type CallOption, secretSource } from '../flags/build.ts';
import { toLabels } from '../flags/environment.ts';
import type { BuildFlags } from './flags.ts';

/** The question that is asked instead of a build, if any; `--check` is short for one. */
export function callOf(flags: BuildFlags): CallOption | undefined {
  if (flags.check) return { name: 'lint', format: '', ignoreStatus: false };
  return flags.call?.name === 'build' ? undefined : flags.call;
}

/** The options of a build of this context. Throws Error for what docker refuses before it looks at anything. */
export function optionsOf(path: string, flags: BuildFlags, { env, cwd }: CommandContext): BuildOptions {
  if (flags.rm === false) throw new CliError('--rm=false: steps leave no containers that could be kept');
  return {
    context: path,
    dockerfile: flags.file,
    tags: flags.tag ?? [],
    buildArguments: toBuildArguments(flags.buildArg ?? [], env),
    labels: toLabels(flags.label ?? []),
    annotations: flags.annotation ?? [],
    target: flags.target,
    noCache: !flags.cache,
    noCacheFilter: split(flags.noCacheFilter),
    pull: flags.pull ?? false,
    push: flags.push ?? false,
    platforms: split(flags.platform),
    network: flags.network,
    addHosts: flags.addHost ?? [],
    ulimits: flags.ulimit ?? [],
    shmSize: flags.shmSize,
    cgroupParent: flags.cgroupParent,
    limits: {
      memory: flags.memory,
      memorySwap: flags.memorySwap,
      cpuShares: flags.cpuShares,
      cpuPeriod: flags.cpuPeriod,
      cpuQuota: flags.cpuQuota,
      cpusetCpus: flags.cpusetCpus,
      cpusetMems: flags.cpusetMems,
    },
    attestations: attestationsOf(flags),
    allow: split(flags.allow),
    outputs: outputsOf(flags),
    cacheFrom: flags.cacheFrom?.flat() ?? [],
    cacheTo: flags.cacheTo?.flat() ?? [],
    secrets: new Map((flags.secret ?? []).map((secret) => [secret.id, secretSource(secret, env, cwd)] as const)),
    ssh: flags.ssh ?? [],
    namedContexts: new Map(flags.buildContext),
    call: callOf(flags)?.name,
  };
}

/** Taken from the environment without being asked for, as buildx and buildctl do: it makes a build reproducible. */
const EPOCH = 'SOURCE_DATE_EPOCH';

/** `KEY=value`; `KEY` alone takes the environment's value and is left out without one. */
function toBuildArguments(given: readonly string[], env: CommandContext['env']): Record<string, string> {
  const texts = env[EPOCH] ? [EPOCH, ...given] : given;
  const entries = texts.flatMap((text): [string, string][] => {
    const equals = text.indexOf('=');
    if (equals >= 0) return [[text.slice(0, equals), text.slice(equals + 1)]];
    const inherited = env[text];
    return inherited === undefined ? [] : [[text, inherited]];
  });
  return Object.fromEntries(entries);
}

/** The first word on a type counts, the shorthands after the long form. */
function attestationsOf(flags: BuildFlags): Map<string, string> {
  const byType = new Map<string, string | undefined>();
  for (const attestation of [...(flags.attest ?? []), flags.provenance, flags.sbom]) {
    if (attestation !== undefined && !byType.has(attestation.type))
      byType.set(attestation.type, attestation.attributes);
  }
  return new Map([...byType].filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** `--load` adds the store to outputs that leave it out; without outputs it is what happens anyway. */
function outputsOf(flags: BuildFlags): readonly OutputOption[] {
  const outputs = flags.output ?? [];
  if (!flags.load || outputs.length === 0 || outputs.some(isStore)) return outputs;
  return [...outputs, { type: 'image', destination: '', attributes: {} }];
}

/** Whether the image ends up in this machine's store. */
export function isKeptHere(flags: BuildFlags): boolean {
  const outputs = outputsOf(flags);
  const isKept = (output: OutputOption) => isStore(output) || output.type === 'registry';
  return outputs.length === 0 || outputs.some((output) => isKept(output) && output.attributes['store'] !== 'false');
}

/** Whether the image ends up in this machine's store, and in no registry. */
export function isKeptHereOnly(flags: BuildFlags): boolean {
  const outputs = outputsOf(flags);
  const isPushed =
    flags.push || outputs.some(({ type, attributes }) => type === 'registry' || attributes['push'] === 'true');
  return !isPushed && isKeptHere(flags);
}

function isStore({ type, destination }: OutputOption): boolean {
  return type === 'image' || (type === 'docker' && destination === '');
}

function split(texts: readonly string[] | undefined): string[] {
  return (texts ?? []).flatMap((text) => text.split(',')).filter((text) => text !== '');
}
