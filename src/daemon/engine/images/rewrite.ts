/** Rewrites of repositories in registries.yaml, as k3s does them: Go's regular expressions and its `$1` in what they become. */

export interface Rewrite {
  readonly pattern: RegExp;
  /** Go's template (regexp.Expand): $name or ${name}, where a name is letters, digits and _; $$ is a dollar. */
  readonly replacement: string;
}

/** Throws SyntaxError for a pattern that is none; Go's own extras, such as \A and \z, are taken as far as they have a like here. */
export function compileRewrite(pattern: string, replacement: string): Rewrite {
  const source = pattern.replaceAll('(?P<', '(?<').replaceAll(/\\A/g, '^').replaceAll(/\\z/g, '$');
  return { pattern: new RegExp(source, 'gu'), replacement };
}

/** The repository as the first rule that changes it leaves it; itself when none does. */
export function rewriteRepository(rewrites: readonly Rewrite[], repository: string): string {
  for (const { pattern, replacement } of rewrites) {
    const changed = repository.replace(pattern, (...match: unknown[]) => expand(replacement, match));
    if (changed !== repository) return changed;
  }
  return repository;
}

/** @param match what String.replace gives its function: the match, its groups by number, then offset, text, groups by name */
function expand(template: string, match: readonly unknown[]): string {
  const last = match.at(-1);
  const named = typeof last === 'object' && last !== null ? (last as Record<string, string | undefined>) : {};
  const numbered = match.slice(
    0,
    match.findIndex((each) => typeof each === 'number'),
  ) as (string | undefined)[];
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (name === undefined) return whole === '$$' ? '$' : whole;
    return (/^\d+$/.test(name) ? numbered[Number(name)] : named[name]) ?? '';
  });
}

/**
 * What a list of rules puts before every repository, where that is all it does: an endpoint's path can do that, without anybody in
 * between. Undefined when it does something else.
 */
export function prefixOf(rewrites: readonly (readonly [pattern: string, replacement: string])[]): string | undefined {
  const [rule, second] = rewrites;
  if (rule === undefined || second !== undefined) return undefined;
  const [pattern, replacement] = rule;
  const prefix = /^([a-z0-9._/-]+)\/\$(?:1|\{1\})$/.exec(replacement)?.[1];
  return ['(.*)', '^(.*)', '^(.*)$', '(.+)', '^(.+)$'].includes(pattern) ? prefix : undefined;
}
