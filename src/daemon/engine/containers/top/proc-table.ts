/** What `ps -ef` shows of processes, from /proc alone (proc(5)): k3c needs no ps on the host for it. */
import { readFile } from 'node:fs/promises';
import type { ProcessTable } from './ps-output.ts';

const TITLES = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];
/** USER_HZ, which Linux fixes at 100 for what it tells programs. */
const TICKS = 100;

interface ProcessFacts {
  readonly pid: number;
  readonly uid: number;
  readonly stat: string;
  readonly commandLine: string;
}

/** The table; processes that end meanwhile are left out. */
export async function procTable(pids: readonly number[]): Promise<ProcessTable> {
  const [passwd, stat, found] = await Promise.all([
    readOr('/etc/passwd', ''),
    readFile('/proc/stat', 'utf8'),
    Promise.all(pids.toSorted((a, b) => a - b).map(readProcess)),
  ]);
  const bootSeconds = Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0);
  const names = new Map<number, string>();
  for (const line of passwd.split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    if (/^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  const now = Date.now();
  return {
    titles: TITLES,
    processes: found.flatMap((facts) => (facts === undefined ? [] : [toRow(facts, names, bootSeconds, now)])),
  };
}

async function readProcess(pid: number): Promise<ProcessFacts | undefined> {
  const [stat, status, commandLine] = await Promise.all(
    ['stat', 'status', 'cmdline'].map((file) => readOr(`/proc/${pid}/${file}`, '')),
  );
  // Real, effective, saved, file system: ps shows the effective one.
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status ?? '')?.[1];
  if (stat === undefined || stat === '' || uid === undefined) return undefined;
  return { pid, uid: Number(uid), stat, commandLine: commandLine ?? '' };
}

async function readOr(path: string, absent: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: the process ended between open and read.
    if (code === 'ENOENT' || code === 'ESRCH') return absent;
    throw error;
  }
}

/** @param now milliseconds since the epoch */
export function toRow(
  facts: ProcessFacts,
  names: ReadonlyMap<number, string>,
  bootSeconds: number,
  now: number,
): readonly string[] {
  // `PID (comm) state ppid …`: the name may hold spaces and parentheses, so that the last one ends it.
  const end = facts.stat.lastIndexOf(')');
  const comm = facts.stat.slice(facts.stat.indexOf('(') + 1, end);
  const values = facts.stat.slice(end + 2).split(' ');
  const number = (field: number) => Number(values[field - 3] ?? 0);
  const cpuSeconds = (number(14) + number(15)) / TICKS;
  const started = bootSeconds * 1000 + (number(22) * 1000) / TICKS;
  const age = Math.max(0, (now - started) / 1000);
  const command = facts.commandLine.replace(/\0+$/, '').replace(/[\0\n]/g, ' ');
  return [
    shownUser(names.get(facts.uid) ?? String(facts.uid)),
    String(facts.pid),
    String(number(4)),
    String(age > 0 ? Math.min(99, Math.floor((cpuSeconds * 100) / age)) : 0),
    startTime(new Date(started), new Date(now)),
    terminal(number(7)),
    cpuTime(Math.floor(cpuSeconds)),
    command !== '' ? command : `[${comm}]${values[0] === 'Z' ? ' <defunct>' : ''}`,
  ];
}

/** ps has 8 letters for a name. */
function shownUser(name: string): string {
  return name.length > 8 ? `${name.slice(0, 7)}+` : name;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `11:08` today, `Nov24` this year, else the year. */
function startTime(started: Date, now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  if (started.getFullYear() !== now.getFullYear()) return String(started.getFullYear());
  if (started.toDateString() === now.toDateString()) return `${two(started.getHours())}:${two(started.getMinutes())}`;
  return `${MONTHS[started.getMonth()]}${two(started.getDate())}`;
}

/** From the device's number (devices.txt of Linux): major 136 and on are pseudo-terminals, 4 consoles and serial lines. */
function terminal(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return '?';
}

/** [DAYS-]HH:MM:SS */
function cpuTime(seconds: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  return `${days > 0 ? `${days}-` : ''}${two((seconds / 3600) % 24)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}
