/** `--detach-keys`: the sequence that leaves a container running (moby/term). */
import { CliError } from '../errors.ts';

/** ctrl-p, ctrl-q */
const DEFAULT = Buffer.from([16, 17]);

const CONTROLS: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/**
 * Bytes of a sequence like `ctrl-a,x`: single letters or `ctrl-` with a letter or one of `@ [ \ ] ^ _`. Absent or empty: docker's
 * ctrl-p,ctrl-q. Throws CliError with docker's sentence.
 */
export function parseDetachKeys(text: string | undefined): Buffer {
  if (text === undefined || text === '') return DEFAULT;
  return Buffer.from(
    text.split(',').map((key) => {
      if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
      const control = /^ctrl-(.)$/.exec(key)?.[1] ?? '';
      const code = /^[a-z]$/.test(control) ? control.charCodeAt(0) - 96 : CONTROLS[control];
      if (code === undefined) throw new CliError(`invalid detach keys (${text}): Unknown character: '${key}'`);
      return code;
    }),
  );
}
