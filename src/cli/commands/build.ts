/** `k3c build`: BuildKit's build, from this side of the socket. */
import { resolve } from 'node:path';
import type { Command, Option } from 'commander';
import { build as runBuild } from '../../client/build/build.ts';
import type { BuildStatus } from '../../client/build/control.ts';
import type { BuildHost, BuildOptions, OutputOption, SshOption } from '../../client/build/request/options.ts';
import { imageId, writeIdFile, writeMetadataFile } from '../../client/build/result.ts';
import type { ExporterResponse, TypedAttributes } from '../../client/build/solve.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { signalExitCode } from '../exit.ts';
import {
  type AttestationOption,
  parseAttestation,
  parseAttestationOf,
  parseCache,
  parseNamedContext,
  parseOutput,
  parseSecret,
  parseSsh,
  parseUlimit,
  type SecretOption,
  secretSource,
} from '../flags/build.ts';
import { toLabels } from '../flags/environment.ts';
import { flag, value, values } from '../flags/option.ts';
import { parseBytes } from '../flags/sizes.ts';
import { formatFailure } from '../output/build/failure.ts';
import { chooseDisplay, type ProgressMode, parseProgress } from '../output/build/modes.ts';
import { type BuildWarning, formatWarnings } from '../output/build/warnings.ts';

interface Flags {
  readonly tag?: readonly string[];
  readonly file?: string;
  readonly buildArg?: readonly string[];
  readonly label?: readonly string[];
  readonly annotation?: readonly string[];
  readonly target?: string;
  /** Commander's form of `--no-cache`. */
  readonly cache: boolean;
  readonly noCacheFilter?: readonly string[];
  readonly pull?: boolean;
  readonly push?: boolean;
  readonly load?: boolean;
  readonly output?: readonly OutputOption[];
  readonly progress?: ProgressMode;
  readonly secret?: readonly SecretOption[];
  readonly ssh?: readonly SshOption[];
  readonly cacheFrom?: readonly TypedAttributes[][];
  readonly cacheTo?: readonly TypedAttributes[][];
  readonly platform?: readonly string[];
  readonly network?: string;
  readonly addHost?: readonly string[];
  readonly buildContext?: readonly [string, string][];
  readonly iidfile?: string;
  readonly metadataFile?: string;
  readonly ulimit?: readonly string[];
  readonly shmSize?: bigint;
  readonly cgroupParent?: string;
  readonly allow?: readonly string[];
  readonly attest?: readonly AttestationOption[];
  readonly provenance?: AttestationOption;
  readonly sbom?: AttestationOption;
  readonly quiet?: boolean;
}

export const build: CommandDefinition<Flags> = {
  usage: '[OPTIONS] PATH | URL | -',
  operands: [1, 1],
  configure(command: Command): void {
    for (const option of [
      values('--add-host <strings>', 'Add a custom host-to-IP mapping (format: "host:ip")'),
      values('--allow <stringArray>', 'Allow extra privileged entitlement (network.host, security.insecure, device)'),
      values('--annotation <stringArray>', 'Add annotation to the image'),
      values(
        '--attest <stringArray>',
        'Attestation parameters (format: "type=sbom,generator=image")',
        parseAttestation,
      ),
      values('--build-arg <stringArray>', 'Set build-time variables'),
      values('--build-context <stringArray>', 'Additional build contexts (format: "name=path")', parseNamedContext),
      values(
        '--cache-from <stringArray>',
        'External cache sources (format: "user/app:cache", "type=local,src=path")',
        parseCache,
      ),
      values(
        '--cache-to <stringArray>',
        'Cache export destinations (format: "user/app:cache", "type=local,dest=path")',
        parseCache,
      ),
      value('--cgroup-parent <string>', 'Set the parent cgroup for the "RUN" instructions during build'),
      value('-f, --file <string>', 'Name of the Dockerfile (default: "PATH/Dockerfile")'),
      value('--iidfile <string>', 'Write the image ID to a file'),
      values('--label <stringArray>', 'Set metadata for an image'),
      flag('--load', 'Put the image into the store, also when there are other outputs'),
      value('--metadata-file <string>', 'Write build result metadata to a file'),
      value(
        '--network <string>',
        'Set the networking mode for the "RUN" instructions during build (default, host, none)',
      ),
      flag('--no-cache', 'Do not use cache when building the image'),
      named(values('--no-cache-filter <stringArray>', 'Do not cache specified stages')),
      values('-o, --output <stringArray>', 'Output destination (format: "type=local,dest=path")', parseOutput),
      values('--platform <stringArray>', 'Set target platform for build'),
      value('--progress <string>', 'Set type of progress output (auto, plain, tty, quiet, rawjson)', parseProgress),
      value('--provenance <string>', 'Shorthand for "--attest=type=provenance"', parseAttestationOf('provenance')),
      flag('--pull', 'Always attempt to pull all referenced images'),
      flag('--push', 'Push the image to its registry after the build'),
      flag('-q, --quiet', 'Suppress the build output and print image ID on success'),
      value('--sbom <string>', 'Shorthand for "--attest=type=sbom"', parseAttestationOf('sbom')),
      values(
        '--secret <stringArray>',
        'Secret to expose to the build (format: "id=mysecret,src=/local/secret")',
        parseSecret,
      ),
      value('--shm-size <bytes>', 'Shared memory size for build containers', parseBytes),
      values(
        '--ssh <stringArray>',
        'SSH agent socket to expose to the build (format: "default|<id>=<socket>")',
        parseSsh,
      ),
      values('-t, --tag <stringArray>', 'Image identifier (format: "[registry/]repository[:tag]")'),
      value('--target <string>', 'Set the target build stage to build'),
      values('--ulimit <ulimit>', 'Ulimit options', parseUlimit),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [path = ''], flags) {
    const mode = flags.quiet ? 'quiet' : (flags.progress ?? parseProgress(context.env['BUILDKIT_PROGRESS'] || 'auto'));
    const color = !context.env['NO_COLOR'] && context.terminal.isTty.stderr && mode !== 'plain';
    const display = chooseDisplay(mode, context, color);
    const warnings: BuildWarning[] = [];
    const listener = {
      onStatus(status: BuildStatus) {
        warnings.push(...status.warnings);
        display.update(status);
      },
      onNotice(text: string) {
        if (mode !== 'quiet' && mode !== 'rawjson') context.stderr.write(`${text}\n`);
      },
    };
    let response: ExporterResponse;
    try {
      const client = await context.client();
      response = await runBuild(
        client.builder,
        optionsOf(path, flags, context),
        hostOf(context),
        listener,
        context.signal,
      );
      display.done();
    } catch (error) {
      display.done();
      context.stderr.write(formatFailure(error, context.signal.aborted));
      return context.signal.aborted ? signalExitCode(context.signal.reason as NodeJS.Signals) : 1;
    }
    if (mode !== 'quiet' && mode !== 'rawjson') context.stderr.write(formatWarnings(warnings, color));
    if (flags.iidfile) await writeIdFile(resolve(context.cwd, flags.iidfile), response);
    if (flags.metadataFile) await writeMetadataFile(resolve(context.cwd, flags.metadataFile), response);
    const id = imageId(response);
    if (mode === 'quiet' && id !== undefined) context.stdout.write(`${id}\n`);
    return 0;
  },
};

/** Commander takes every `--no-…` for a negation. */
function named(option: Option): Option {
  option.negate = false;
  return option;
}

function hostOf(context: CommandContext): BuildHost {
  const { cwd, env, stdout } = context;
  return { cwd, env, stdout, stdin: () => context.stdin(), stdoutIsTty: context.terminal.isTty.stdout };
}

function optionsOf(path: string, flags: Flags, { env, cwd }: CommandContext): BuildOptions {
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
    attestations: attestationsOf(flags),
    allow: split(flags.allow),
    outputs: outputsOf(flags),
    cacheFrom: flags.cacheFrom?.flat() ?? [],
    cacheTo: flags.cacheTo?.flat() ?? [],
    secrets: new Map((flags.secret ?? []).map((secret) => [secret.id, secretSource(secret, env, cwd)] as const)),
    ssh: flags.ssh ?? [],
    namedContexts: new Map(flags.buildContext),
  };
}

/** `KEY=value`; `KEY` alone takes the environment's value and is left out without one. */
function toBuildArguments(texts: readonly string[], env: CommandContext['env']): Record<string, string> {
  const entries = texts.flatMap((text): [string, string][] => {
    const equals = text.indexOf('=');
    if (equals >= 0) return [[text.slice(0, equals), text.slice(equals + 1)]];
    const inherited = env[text];
    return inherited === undefined ? [] : [[text, inherited]];
  });
  return Object.fromEntries(entries);
}

/** The first word on a type counts, the shorthands after the long form. */
function attestationsOf(flags: Flags): Map<string, string> {
  const byType = new Map<string, string | undefined>();
  for (const attestation of [...(flags.attest ?? []), flags.provenance, flags.sbom]) {
    if (attestation !== undefined && !byType.has(attestation.type))
      byType.set(attestation.type, attestation.attributes);
  }
  return new Map([...byType].filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** `--load` adds the store to outputs that leave it out; without outputs it is what happens anyway. */
function outputsOf(flags: Flags): readonly OutputOption[] {
  const outputs = flags.output ?? [];
  const stored = outputs.some(({ type, destination }) => type === 'image' || (type === 'docker' && destination === ''));
  if (!flags.load || outputs.length === 0 || stored) return outputs;
  return [...outputs, { type: 'image', destination: '', attributes: {} }];
}

function split(texts: readonly string[] | undefined): string[] {
  return (texts ?? []).flatMap((text) => text.split(',')).filter((text) => text !== '');
}
