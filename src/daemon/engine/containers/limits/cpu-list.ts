/** Lists of numbers as cpuset(7) writes them: 0-3,7. */

/** The kernel's usual highest number of processors: a list is never read beyond it. */
const MAX = 8192;

/** The numbers of a list; they may overlap and come in any order. Throws Error with docker's reason (moby, pkg/sysinfo). */
export function parseCpuList(text: string): ReadonlySet<number> {
  const numbers = new Set<number>();
  if (text === '') return numbers;
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first) throw new Error(`invalid format: ${text}`);
    if (last > MAX) throw new Error(`value of out range, maximum is ${MAX}`);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

/** Whether all of the requested numbers are there. Throws as parseCpuList does. */
export function isCpuListAvailable(requested: string, available: string): boolean {
  const there = parseCpuList(available);
  return [...parseCpuList(requested)].every((number) => there.has(number));
}
