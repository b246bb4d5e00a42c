/** Options as attributes of BuildKit's Dockerfile frontend (frontend/dockerui, docker/buildx build/opt.go). */
import { isIP } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import type { BuildOptions, StepLimits } from './options.ts';

/** The host, as a build step sees it: steps run in the host's network, so its loopback is theirs. */
const HOST_GATEWAY = '127.0.0.1';

/** Limits by the frontend's names for them (frontend/dockerui, config.go). */
const LIMITS: readonly (readonly [limit: keyof StepLimits, attribute: string])[] = [
  ['memory', 'memory'],
  ['memorySwap', 'memswap'],
  ['cpuShares', 'cpushares'],
  ['cpuPeriod', 'cpuperiod'],
  ['cpuQuota', 'cpuquota'],
  ['cpusetCpus', 'cpusetcpus'],
  ['cpusetMems', 'cpusetmems'],
];

export interface FrontendRequest {
  readonly frontend: string;
  readonly attributes: Record<string, string>;
  readonly entitlements: readonly string[];
}

/** The frontend to use, its attributes, and what the build must be allowed. */
export function frontendRequest(options: BuildOptions): FrontendRequest {
  const attributes: Record<string, string> = {};
  const entitlements = [...options.allow];
  const set = (key: string, value: string | undefined) => {
    if (value !== undefined && value !== '') attributes[key] = value;
  };
  for (const [name, value] of Object.entries(options.buildArguments)) attributes[`build-arg:${name}`] = value;
  for (const [name, value] of Object.entries(options.labels)) attributes[`label:${name}`] = value;
  for (const [type, value] of options.attestations) attributes[`attest:${type}`] = value;
  set('target', options.target);
  set('no-cache', options.noCacheFilter.join(','));
  // Empty means every stage.
  if (options.noCache) attributes['no-cache'] = '';
  // A local image is used without asking its registry, unless the user wants the registry's.
  attributes['image-resolve-mode'] = options.pull ? 'pull' : 'local';
  set('platform', options.platforms.join(','));
  set('add-hosts', options.addHosts.map(toHost).join(','));
  set('ulimit', options.ulimits.join(','));
  set('shm-size', options.shmSize?.toString());
  set('cgroup-parent', cgroupParent(options.cgroupParent));
  for (const [limit, key] of LIMITS) set(key, options.limits[limit] === 0n ? '' : options.limits[limit]?.toString());
  const network = networkMode(options.network);
  set('force-network-mode', network);
  if (network === 'host' && !entitlements.includes('network.host')) entitlements.push('network.host');
  const syntax = options.buildArguments['BUILDKIT_SYNTAX'];
  if (syntax === undefined) return { frontend: 'dockerfile.v0', attributes, entitlements };
  if (syntax.trim() === '') throw new K3cError(Code.INVALID_ARGUMENT, 'the build argument BUILDKIT_SYNTAX is empty');
  attributes['source'] = syntax.trim().split(' ', 1)[0] ?? '';
  attributes['cmdline'] = syntax;
  return { frontend: 'gateway.v0', attributes, entitlements };
}

/** Where systemd makes the groups a parent is a slice; BuildKit names a scope below it only in this form (executor/oci/spec.go). */
function cgroupParent(asked: string | undefined): string | undefined {
  return asked?.endsWith('.slice') ? `${asked}:buildkit:` : asked;
}

function networkMode(network: string | undefined): string | undefined {
  if (network === undefined || network === '' || network === 'default') return undefined;
  if (network === 'host' || network === 'none') return network;
  throw new K3cError(Code.INVALID_ARGUMENT, `network mode ${JSON.stringify(network)} not supported by buildkit`, {
    hint: 'a build runs on default, host or none',
  });
}

/** `host:ip`, `host=ip`, several addresses with commas, IPv6 with or without brackets → `host=ip,host=ip` */
function toHost(text: string): string {
  const split = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
  const name = text.slice(0, Math.max(split, 0));
  const addresses = text
    .slice(split + 1)
    .split(',')
    .map((address) => (address === 'host-gateway' ? HOST_GATEWAY : address.replace(/^\[(.+)\]$/, '$1')));
  if (name === '' || addresses.some((address) => isIP(address) === 0)) {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid host ${text}`);
  }
  return addresses.map((address) => `${name}=${address}`).join(',');
}
