/** The table of `docker top` out of what ps prints (moby, daemon/top_unix.go). */
import { Code, K3cError } from '../../../../api/errors.ts';

export interface ProcessTable {
  readonly titles: readonly string[];
  /** As many values as titles. */
  readonly processes: readonly (readonly string[])[];
}

/** INVALID_ARGUMENT for options that rename a column to what begins with PID: the filter by process id would look there. */
export function checkPsOptions(options: string): void {
  for (const [, key = '', value = ''] of options.matchAll(/\s+(\S*)=\s*(PID\S*)/g)) {
    if (key !== 'pid') throw new K3cError(Code.INVALID_ARGUMENT, `specifying "${key}=${value}" is not allowed`);
  }
}

/** Keeps the lines of some processes, and those of their threads (a `-` in the place of the id) below them. */
export function parsePsOutput(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = '', ...lines] = output.split('\n');
  const titles = fields(head);
  const column = titles.indexOf('PID');
  if (column === -1) throw new K3cError(Code.INVALID_ARGUMENT, "Couldn't find PID field in ps output");
  const processes: string[][] = [];
  let kept = false;
  for (const line of lines) {
    if (line.trim() === '') continue;
    const values = fields(line);
    const text = values[column] ?? '';
    if (text !== '-') {
      if (!/^\d+$/.test(text)) throw new K3cError(Code.INTERNAL, `Unexpected pid '${text}' in ps output`);
      kept = pids.has(Number(text));
    }
    if (kept) processes.push([...values.slice(0, titles.length - 1), values.slice(titles.length - 1).join(' ')]);
  }
  return { titles, processes };
}

function fields(line: string): string[] {
  return line.split(/[\t\n\f\r ]+/).filter((field) => field !== '');
}
