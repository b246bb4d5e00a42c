/**
 * The commands that the daemon does for a launcher: those that are quick, or mostly wait. What reads or writes files in bulk
 * (build, load, import, cp …) keeps a process of its own, so that it never holds up the daemon's other work.
 */
const SMALL = new Set([
  'run',
  'create',
  'start',
  'stop',
  'restart',
  'kill',
  'rm',
  'ps',
  'logs',
  'exec',
  'attach',
  'wait',
  'inspect',
  'images',
  'rmi',
  'tag',
  'info',
  'version',
]);

const GROUPS = new Set(['container', 'image', 'system']);
const OWN_PROCESS = new Set(['build', 'load', 'import', 'save', 'cp', 'export', 'commit']);

/** Whether the daemon takes this command line; argv begins with the command. */
export function isSmall(argv: readonly string[]): boolean {
  const [first = '', second = ''] = argv;
  return SMALL.has(first) || (GROUPS.has(first) && second !== '' && !OWN_PROCESS.has(second));
}
