/** Flags whose values are words out of a small grammar: restart policies, filters, pull policies. */
import type { RestartPolicy, StringList } from '../../api/gen/k3c.ts';

const POLICIES = ['no', 'always', 'unless-stopped', 'on-failure'];

/** `--restart`: a policy, `on-failure` with an optional count. Throws Error with docker's sentences. */
export function parseRestart(text: string): RestartPolicy {
  const [name = '', count, ...more] = text.split(':');
  if (more.length > 0 || (name === '' && count !== undefined)) throw new Error('invalid restart policy format');
  if (!POLICIES.includes(name || 'no')) {
    throw new Error(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (count === undefined) return { name: name || 'no', maximumRetryCount: 0 };
  if (name !== 'on-failure') {
    throw new Error("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (!/^\d{1,9}$/.test(count))
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  return { name, maximumRetryCount: Number(count) };
}

/** One `--filter name=value`. Throws Error with docker's sentence. */
export function parseFilter(text: string): readonly [name: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 0) throw new Error('bad format of filter (expected name=value)');
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

/** Filters as the API takes them: the values of one name together. */
export function toFilters(pairs: readonly (readonly [string, string])[]): Record<string, StringList> {
  const filters: Record<string, StringList> = {};
  for (const [name, value] of pairs) {
    filters[name] ??= { values: [] };
    filters[name].values.push(value);
  }
  return filters;
}

/** `-a, --attach`: one of the three streams. Throws Error with docker's sentence. */
export function parseStream(text: string): string {
  const stream = text.toLowerCase();
  if (!['stdin', 'stdout', 'stderr'].includes(stream)) {
    throw new Error('valid streams are STDIN, STDOUT and STDERR');
  }
  return stream;
}

/** `--entrypoint`: an empty one clears the image's. */
export function toEntrypoint(text: string | undefined): StringList | undefined {
  if (text === undefined) return undefined;
  return { values: text === '' ? [] : [text] };
}
