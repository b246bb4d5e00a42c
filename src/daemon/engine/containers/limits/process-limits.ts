/**
 * What this daemon can give to a process. Without CAP_SYS_RESOURCE no limit is raised above our own, for runc has it from us: the
 * kernel's "permission denied" in the middle of a start would name neither the flag nor the way out.
 */
import { readFileSync } from 'node:fs';
import { Code, K3cError } from '../../../../api/errors.ts';
import type { ResourceSpec } from '../../../state/spec.ts';

const CAP_SYS_RESOURCE = 24n;

/** As proc(5) calls them in /proc/PID/limits. */
const NAMES: Readonly<Record<string, string>> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

export interface ProcessLimits {
  /** Whether any limit can be raised. */
  readonly unbounded: boolean;
  readonly oomScoreAdj: number;
  /** The hard limit of a kind; Infinity: none. */
  readonly hard: (kind: string) => number;
}

/** Our own. @param directory of a process in the process file system */
export function readProcessLimits(directory = '/proc/self'): ProcessLimits {
  const read = (file: string) => readFileSync(`${directory}/${file}`, 'utf8');
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(read('status'))?.[1] ?? '0'}`);
  const limits = read('limits');
  return {
    unbounded: (capabilities & (1n << CAP_SYS_RESOURCE)) !== 0n,
    oomScoreAdj: Number(read('oom_score_adj')),
    hard: (kind) => {
      const line = limits.split('\n').find((text) => text.startsWith(`${NAMES[kind]} `));
      const [, hard] = line?.slice(NAMES[kind]?.length).trim().split(/\s+/) ?? [];
      return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
    },
  };
}

/** FAILED_PRECONDITION for what cannot be given. */
export function checkProcessLimits(asked: Pick<ResourceSpec, 'ulimits' | 'oomScoreAdj'>, own: ProcessLimits): void {
  if (own.unbounded) return;
  const lacks = 'this daemon lacks CAP_SYS_RESOURCE, and its own is';
  if (asked.oomScoreAdj !== 0 && asked.oomScoreAdj < own.oomScoreAdj)
    refuse(
      `cannot set the OOM score to ${asked.oomScoreAdj}: ${lacks} ${own.oomScoreAdj}`,
      `use ${own.oomScoreAdj} or more, or give the daemon CAP_SYS_RESOURCE`,
    );
  for (const { name, hard } of asked.ulimits) {
    const ours = own.hard(name);
    if (hard >= 0 ? hard <= ours : ours === Number.POSITIVE_INFINITY) continue;
    refuse(
      `cannot set the hard limit ${name} to ${hard < 0 ? 'unlimited' : hard}: ${lacks} ${ours}`,
      `use ${ours} or less, or give the daemon CAP_SYS_RESOURCE`,
    );
  }
}

function refuse(message: string, hint: string): never {
  throw new K3cError(Code.FAILED_PRECONDITION, message, { hint });
}
