/** Signals by name and number (signal(7), Linux x86-64). */
import { constants } from 'node:os';
import { Code, K3cError } from '../../../api/errors.ts';

const RTMIN = 34;
const RTMAX = 64;

/** Takes `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`. INVALID_ARGUMENT in docker's words otherwise. */
export function parseSignal(text: string): number {
  const invalid = () =>
    new K3cError(Code.INVALID_ARGUMENT, `invalid signal: ${text}`, {
      reason: 'bad-input',
      hint: 'use a name such as TERM or a number',
    });
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > RTMAX) throw invalid();
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realtime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realtime !== null) {
    const offset = Number(realtime[3] ?? 0) * (realtime[2] === '-' ? -1 : 1);
    const number = (realtime[1] === 'MIN' ? RTMIN : RTMAX) + offset;
    if (number < RTMIN || number > RTMAX) throw invalid();
    return number;
  }
  const number = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (number === undefined) throw invalid();
  return number;
}

/** What `kill` and events show: the number. */
export const SIGKILL = 9;
export const SIGTERM = 15;

/** docker's default between the stop signal and SIGKILL. */
export const DEFAULT_STOP_TIMEOUT_S = 10;
