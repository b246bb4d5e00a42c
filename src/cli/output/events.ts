/** Events as docker prints them: a line each, or a template over its message (moby, api/types/events). */
import type { Event } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { compileTemplate, TemplateError } from './template/template.ts';
import { rfc3339NanoLocal } from './units.ts';

/** docker's exit code for a template that is wrong. */
const BAD_TEMPLATE = 64;

/** Makes the renderer of --format: empty, `json` or a template. Throws CliError (64) for a wrong one, before any event comes. */
export function eventRenderer(format: string): (event: Event) => string {
  if (format === '') return eventLine;
  try {
    const template = compileTemplate(format === 'json' ? '{{json .}}' : format);
    const render = (event: Event) =>
      `${template.execute(toMessage(event), { typeName: '*events.Message', anyKey: true })}\n`;
    render({ type: '', action: '', actor: '', attributes: {}, time: 0n });
    return render;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new CliError(`Error parsing format: ${error.message}`, { exitCode: BAD_TEMPLATE, cause: error });
  }
}

/** `TIME TYPE ACTION ACTOR (NAME=VALUE, …)`, the time local with all its digits. */
export function eventLine({ type, action, actor, attributes, time }: Event): string {
  const named = Object.entries(attributes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const more = named.length === 0 ? '' : ` (${named.join(', ')})`;
  return `${rfc3339NanoLocal(time)} ${type} ${action} ${actor}${more}\n`;
}

/**
 * docker's message. Its JSON has other names for some fields than its templates: the latter are there, too, but not enumerable.
 * The first three are of before there were types, and only of containers and images.
 */
export function toMessage({ type, action, actor, attributes, time }: Event): object {
  const old = type === 'container' || type === 'image';
  const status = old ? action : '';
  const id = old ? actor : '';
  const from = type === 'container' ? (attributes['image'] ?? '') : '';
  const seconds = Number(time / 1_000_000_000n);
  const sorted = Object.fromEntries(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const message = {
    ...(status === '' ? {} : { status }),
    ...(id === '' ? {} : { id }),
    ...(from === '' ? {} : { from }),
    Type: type,
    Action: action,
    Actor: { ID: actor, Attributes: sorted },
    scope: 'local',
    time: seconds,
    timeNano: time,
  };
  const fields = { Status: status, ID: id, From: from, Scope: 'local', Time: seconds, TimeNano: time };
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(message, name, { value });
  return message;
}
