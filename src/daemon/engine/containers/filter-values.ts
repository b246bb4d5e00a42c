/** Values of docker's filters, with docker's sentences for what they cannot be (moby, daemon/list.go). */
import { Code, K3cError } from '../../../api/errors.ts';

/** @param what the filter, and its value where that is what is wrong */
export function invalidFilter(what: string, why = ''): K3cError {
  return refused(`invalid filter '${what}'${why === '' ? '' : `: ${why}`}`);
}

function refused(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}

/** Throws unless a value is one of a few words. */
export function checkWord(filter: string, value: string, noun: string, words: readonly string[]): void {
  if (words.includes(value)) return;
  throw invalidFilter(`${filter}=${value}`, `invalid value for ${noun} (${value}): must be one of ${words.join(', ')}`);
}

export function parseExitCode(value: string): number {
  if (!/^[+-]?\d+$/.test(value))
    throw invalidFilter(`exited=${value}`, `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

export type PortTest = (port: number, protocol: string) => boolean;

/** PORT or FIRST-LAST, each with an optional /PROTO; tcp unless given. */
export function parsePorts(filter: string, value: string): PortTest {
  if (value.includes(':')) throw refused(`filter for '${filter}' should not contain ':': ${value}`);
  const [range = '', protocol = ''] = value.split('/', 2);
  const lookUp = (why: string) => refused(`error while looking up for ${filter} ${value}: ${why}`);
  if (range === '') throw lookUp('empty string specified for ports');
  const dash = range.indexOf('-');
  const bounds = dash < 0 ? [range] : [range.slice(0, dash), range.slice(dash + 1)];
  const [first = 0, last = first] = bounds.map((text) => {
    const parsing = `strconv.ParseUint: parsing ${JSON.stringify(text)}`;
    if (!/^\d+$/.test(text)) throw lookUp(`${parsing}: invalid syntax`);
    if (Number(text) > 65_535) throw lookUp(`${parsing}: value out of range`);
    return Number(text);
  });
  if (last < first) throw lookUp(`invalid range specified for port: ${range}`);
  const wanted = protocol === '' ? 'tcp' : protocol.toLowerCase();
  return (port, its) => port >= first && port <= last && its === wanted;
}
