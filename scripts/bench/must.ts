/** Commands of the benchmark itself, outside of any clock. */
import { spawnSync } from 'node:child_process';

/** Runs a command to its end. Throws with what it wrote to stderr when it fails. */
export function must(command: readonly string[]): void {
  run(command, 'ignore');
}

/** What a command prints, without blanks around it. Throws as `must` does. */
export function output(command: readonly string[]): string {
  return run(command, 'pipe').trim();
}

function run(command: readonly string[], out: 'ignore' | 'pipe'): string {
  const [file = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(file, args, { stdio: ['ignore', out, 'pipe'], encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`);
  return stdout ?? '';
}
