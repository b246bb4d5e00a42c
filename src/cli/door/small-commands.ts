/**
 * The commands that the daemon does for a launcher: those that are quick, or mostly wait. A build is among them: it sends its
 * context in slices of milliseconds; so is cp, whose files go from one child of the daemon to another, where a process between
 * them would cost more of both. A build that writes a tree of files has a process of its own: it writes each in calls that wait for the
 * disk, and the start of a process is little beside them. What streams files without end (load, import, save) or waits for a registry (pull, push) keeps a
 * process of its own, and so does a command that names a file by a descriptor of its process (and one of which files may keep
 * their reader waiting: `waiting-files.ts`).
 */
const SMALL = new Set([
  'build',
  'run',
  'create',
  'start',
  'stop',
  'restart',
  'kill',
  'pause',
  'unpause',
  'rename',
  'update',
  'rm',
  'ps',
  'stats',
  'top',
  'port',
  'logs',
  'exec',
  'attach',
  'wait',
  'cp',
  'inspect',
  'diff',
  'images',
  'rmi',
  'history',
  'tag',
  'events',
  'info',
  'version',
  '__complete',
]);

const GROUPS = new Set(['builder', 'container', 'image', 'network', 'pod', 'system', 'volume']);
const OWN_PROCESS = new Set(['pull', 'push', 'load', 'import', 'save', 'export', 'commit']);

/**
 * A path that is another file in every process (`--env-file <(…)`, `-f /dev/stdin`), alone or as the value of a flag. The daemon
 * would open a descriptor of its own.
 */
const OF_A_PROCESS =
  /^(?:-\w|[^\s/]*[=,:])?\/+(?:dev\/+(?:fd|std(?:in|out|err)|tty)|proc\/+(?:self|thread-self))(?![\w.-])/;

/** The verb of a command line that begins with the command or with its group, and what follows it. */
function verbOf(argv: readonly string[]): readonly string[] {
  return GROUPS.has(argv[0] ?? '') ? argv.slice(1) : argv;
}

/** Whether an output of a build is a tree of files: `-o DIR` or `type=local`. */
function writesTree([verb, ...words]: readonly string[]): boolean {
  if (verb !== 'build') return false;
  return words.some((word, i) => {
    const match = /^(?:--output(?:=|$)|-q*o)(.*)$/s.exec(word);
    if (match === null) return false;
    const output = match[1] || (words[i + 1] ?? '');
    return output.includes('=') ? /(?:^|,)"?type=local(?:"|,|$)/.test(output) : output !== '-';
  });
}

/** Whether the daemon takes this command line; argv begins with the command. */
export function isSmall(argv: readonly string[]): boolean {
  if (argv.some((argument) => OF_A_PROCESS.test(argument))) return false;
  if (writesTree(verbOf(argv))) return false;
  const [first = '', second = ''] = argv;
  return SMALL.has(first) || (GROUPS.has(first) && second !== '' && !OWN_PROCESS.has(second));
}
