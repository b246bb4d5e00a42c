/** The flags of `build`. */
import type { Option } from 'commander';
import type { OutputOption, SshOption } from '../../client/build/request/options.ts';
import type { TypedAttributes } from '../../client/build/solve.ts';
import {
  type AttestationOption,
  type CallOption,
  parseAttestation,
  parseAttestationOf,
  parseCache,
  parseCall,
  parseNamedContext,
  parseOutput,
  parsePair,
  parseSecret,
  parseSsh,
  parseUlimit,
  type SecretOption,
} from '../flags/build.ts';
import { parseInt64, parseMemorySwap } from '../flags/limits.ts';
import { flag, flagOn, value, values } from '../flags/option.ts';
import { parseBytes } from '../flags/sizes.ts';
import { type ProgressMode, parseProgress } from '../output/build/modes.ts';

/** What commander makes of them. */
export interface BuildFlags {
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
  readonly cpuPeriod?: bigint;
  readonly cpuQuota?: bigint;
  readonly cpuShares?: bigint;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: bigint;
  readonly memorySwap?: bigint;
  readonly rm?: boolean;
  readonly forceRm?: boolean;
  readonly allow?: readonly string[];
  readonly attest?: readonly AttestationOption[];
  readonly provenance?: AttestationOption;
  readonly sbom?: AttestationOption;
  readonly quiet?: boolean;
  readonly call?: CallOption;
  readonly check?: boolean;
}

/** All of them, in the order of the help. */
export function buildFlags(): Option[] {
  return [
    values('--add-host <strings>', 'Add a custom host-to-IP mapping (format: "host:ip")'),
    values('--allow <stringArray>', 'Allow extra privileged entitlement (network.host, security.insecure, device)'),
    values('--annotation <stringArray>', 'Add annotation to the image'),
    values('--attest <stringArray>', 'Attestation parameters (format: "type=sbom,generator=image")', parseAttestation),
    values('--build-arg <stringArray>', 'Set build-time variables', parsePair),
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
    value('--call <string>', 'Set method for evaluating build (build, check, outline, targets)', parseCall),
    value('--cgroup-parent <string>', 'Set the parent cgroup for the "RUN" instructions during build'),
    flag('--check', 'Shorthand for "--call=check"'),
    value('--cpu-period <int>', 'Limit the CPU CFS (Completely Fair Scheduler) period of a step', parseInt64),
    value('--cpu-quota <int>', 'Limit the CPU CFS (Completely Fair Scheduler) quota of a step', parseInt64),
    value('-c, --cpu-shares <int>', 'CPU shares of a step (relative weight)', parseInt64),
    value('--cpuset-cpus <string>', 'CPUs in which to allow execution (0-3, 0,1)'),
    value('--cpuset-mems <string>', 'MEMs in which to allow execution (0-3, 0,1)'),
    value('-f, --file <string>', 'Name of the Dockerfile (default: "PATH/Dockerfile")'),
    flag('--force-rm', 'Always remove intermediate containers (a step never leaves one)'),
    value('--iidfile <string>', 'Write the image ID to a file'),
    values('--label <stringArray>', 'Set metadata for an image', parsePair),
    flag('--load', 'Put the image into the store, also when there are other outputs'),
    value('-m, --memory <bytes>', 'Memory limit of a step', parseBytes),
    value(
      '--memory-swap <bytes>',
      "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
      parseMemorySwap,
    ),
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
    flagOn('--rm', 'Remove intermediate containers after a successful build (a step never leaves one)'),
    value('--sbom <string>', 'Shorthand for "--attest=type=sbom"', parseAttestationOf('sbom')),
    values(
      '--secret <stringArray>',
      'Secret to expose to the build (format: "id=mysecret,src=/local/secret")',
      parseSecret,
    ),
    value('--shm-size <bytes>', 'Shared memory size for build containers', parseBytes),
    values(
      '--ssh <stringArray>',
      'SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")',
      parseSsh,
    ),
    values('-t, --tag <stringArray>', 'Image identifier (format: "[registry/]repository[:tag]")'),
    value('--target <string>', 'Set the target build stage to build'),
    values('--ulimit <ulimit>', 'Ulimit options', parseUlimit),
  ];
}

/** Commander takes every `--no-…` for a negation. */
function named(option: Option): Option {
  option.negate = false;
  return option;
}
