/** What is done until something is killed: starts, removals, networks, volumes and pods of every kind. There is a network `lan`. */
import type { Round, Said } from './kill-round.ts';

/** What containers are made to do: nothing, for long. */
export const SLEEP = ['busybox', 'sleep', '1000'];

/** One turn of a lane; false: the daemon is dead. */
export type Lane = (round: Round, name: string) => Promise<boolean>;

const runThenRemove =
  (...flags: readonly string[]): Lane =>
  async (round, name) =>
    (await round.start(name, ['run', '-d', '--name', name, ...flags, ...SLEEP])) && (await round.remove(name));

/** Two containers in a pod that is stopped and started again. */
const pod =
  (...flags: readonly string[]): Lane =>
  async (round, name) => {
    const say = (what: Said) => round.pods.set(name, what);
    const members = [`${name}-a`, `${name}-b`];
    const act = async (verb: string, words: readonly string[], then: Said, ofMembers: Said) => {
      round.begin(round.pods, name);
      for (const member of members) if (round.said.has(member)) round.begin(round.said, member);
      if (!(await round.act(['pod', verb, ...words, name]))) return false;
      say(then);
      for (const member of members) if (round.said.has(member)) round.said.set(member, ofMembers);
      return true;
    };
    if (!(await act('create', flags, 'created', 'begun'))) return false;
    for (const member of members) {
      round.begin(round.pods, name);
      if (!(await round.start(member, ['run', '-d', '--pod', name, '--name', member, ...SLEEP]))) return false;
      say('running');
    }
    return (
      (await act('stop', ['-t', '0'], 'exited', 'exited')) &&
      (await act('start', [], 'running', 'running')) &&
      (await act('rm', ['-f'], 'gone', 'gone'))
    );
  };

const CONNECT = ['connect', 'on'] as const;
const DISCONNECT = ['disconnect', 'off'] as const;

/** What is done at once; each in turns of its own, that end with nothing left. */
export const lanes: readonly Lane[] = [
  runThenRemove(),
  runThenRemove('--rm', '-p', '127.0.0.1:0:80', '-p', '0:53/udp'),
  runThenRemove('--network', 'lan', '-p', '0:80', '--restart', 'always'),
  runThenRemove('-v', '/etc', '-v', '/bin', '--init'),
  runThenRemove('--restart', 'always', '--shm-size', '1m', '--ulimit', 'nofile=100'),
  // In the foreground: the client is there until the end.
  async (round, name) => await round.act(['run', '--rm', '--name', name, 'busybox', 'echo', 'hi'], true),
  async (round, name) => {
    round.begin(round.said, name);
    if (!(await round.act(['create', '--name', name, '-v', '/etc', ...SLEEP], true))) return false;
    round.said.set(name, 'created');
    return (await round.start(name, ['start', name])) && (await round.remove(name));
  },
  // Stopped and started again: an earlier attempt goes while the next one comes.
  async (round, name) => {
    if (!(await round.start(name, ['run', '-d', '--name', name, ...SLEEP]))) return false;
    return (await round.start(name, ['restart', '-t', '0', name])) && (await round.remove(name));
  },
  async (round, name) => {
    if (!(await round.start(name, ['run', '-d', '--name', name, '--network', 'lan', ...SLEEP]))) return false;
    round.begin(round.networks, name);
    const family = Math.random() < 0.5 ? ['--ipv6'] : [];
    if (!(await round.act(['network', 'create', ...family, name]))) return false;
    round.networks.set(name, 'created');
    for (const [act, place] of [CONNECT, DISCONNECT, CONNECT, DISCONNECT, CONNECT, DISCONNECT]) {
      round.begin(round.places, name);
      if (!(await round.act(['network', act, name, name]))) return false;
      round.places.set(name, place);
      if (!(await round.act(['network', act, 'bridge', name]))) return false;
    }
    round.begin(round.networks, name);
    if (!(await round.act(['network', 'rm', name]))) return false;
    round.networks.set(name, 'gone');
    return await round.remove(name);
  },
  async (round, name) =>
    (await round.act(['volume', 'create', name])) &&
    (await round.start(name, ['run', '-d', '--name', name, '-v', `${name}:/etc`, ...SLEEP])) &&
    (await round.remove(name)) &&
    (await round.act(['volume', 'rm', name])),
  pod('-p', '127.0.0.1:0:80'),
  pod('--network', 'lan', '-p', '0:80'),
];
