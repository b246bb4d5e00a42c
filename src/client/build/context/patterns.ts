/**
 * Ignore and include patterns with the meaning of github.com/moby/patternmatcher v0.6, which BuildKit's own clients use.
 * The daemon's cache keys depend on the very set of files sent, so every quirk of it counts.
 */
import { posix } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { boundedTest } from './bounded-test.ts';
import { toBytes, toText } from './bytes.ts';
import { badPattern, matchGlob } from './glob.ts';
import { translateGoRegexp } from './go-regexp.ts';

type Test = (path: string) => boolean;

/** Go's filepath.Clean on unix. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** One pattern: what it says, and whether it takes back (`!`). */
export class Pattern {
  /** The pattern, cleaned, without its `!`, as a byte string. */
  readonly text: string;
  readonly negated: boolean;
  #test: Test | undefined;

  constructor(text: string, negated: boolean) {
    this.text = text;
    this.negated = negated;
  }

  /** Whether it matches a path (a byte string, relative, without a trailing slash). Throws on a bad pattern. */
  matches(path: string): boolean {
    this.#test ??= compile(this.text);
    return this.#test(path);
  }

  /** The pattern without a trailing `/**` or `/*`, in fsutil's order of cutting. */
  get prefix(): string {
    let prefix = this.text;
    if (prefix.endsWith('/**')) prefix = prefix.slice(0, -3);
    if (prefix.endsWith('/*')) prefix = prefix.slice(0, -2);
    return prefix;
  }
}

/** A list of patterns in order: the last that matches decides. */
export class PatternList {
  readonly patterns: readonly Pattern[];
  readonly hasNegated: boolean;

  /** Throws INVALID_ARGUMENT on a malformed pattern. */
  constructor(lines: readonly string[]) {
    this.patterns = lines.flatMap((line) => parse(line) ?? []);
    this.hasNegated = this.patterns.some((pattern) => pattern.negated);
  }

  /**
   * Whether a path matches. What a parent matched holds for its children: pass the parent's record, and a record of the
   * list's length to be filled in for a directory. Paths at the root have no parent.
   */
  matches(path: string, parent: Uint8Array | undefined, record?: Uint8Array): boolean {
    let matched = false;
    for (let i = 0; i < this.patterns.length; i++) {
      const pattern = this.patterns[i] as Pattern;
      let match = parent?.[i] === 1;
      if (!match) {
        if (pattern.negated !== matched) continue;
        match = pattern.matches(path) || (parent === undefined && matchesParent(pattern, path));
      }
      if (record !== undefined) record[i] = match ? 1 : 0;
      if (match) matched = !pattern.negated;
    }
    return matched;
  }
}

function matchesParent(pattern: Pattern, path: string): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    if (pattern.matches(path.slice(0, slash))) return true;
  }
  return false;
}

function parse(line: string): Pattern | undefined {
  const trimmed = toText(line).trim();
  if (trimmed === '') return undefined;
  let clean = cleanPath(trimmed);
  const negated = clean.startsWith('!');
  if (negated) {
    if (clean.length === 1) throw new K3cError(Code.INVALID_ARGUMENT, 'illegal exclusion pattern: "!"');
    clean = clean.slice(1);
  }
  // Only for its syntax check, which goes as far as Go's does: matching follows other rules.
  matchGlob(clean, '.');
  return new Pattern(toBytes(clean), negated);
}

/**
 * Builds the test the way patternmatcher does: plain comparisons where it does, a regular expression otherwise. `|`, `{` and
 * `}` reach the expression bare: its table of characters to escape has no room for them (they are over 63).
 */
function compile(bytes: string): Test {
  const chars = [...toText(bytes)];
  let kind: 'exact' | 'prefix' | 'suffix' | 'regexp' = 'exact';
  let source = '^';
  let i = 0;
  for (let first = true; i < chars.length; first = false) {
    const char = chars[i++] as string;
    if (char === '*' && chars[i] === '*') {
      i++;
      if (chars[i] === '/') i++;
      if (i >= chars.length) {
        if (kind === 'exact') kind = 'prefix';
        else {
          source += '.*';
          kind = 'regexp';
        }
      } else {
        source += '(.*/)?';
        kind = 'regexp';
      }
      if (first) kind = 'suffix';
    } else if (char === '*' || char === '?') {
      source += char === '*' ? '[^/]*' : '[^/]';
      kind = 'regexp';
    } else if ('.+()$'.includes(char)) source += `\\${char}`;
    else if (char === '\\') {
      const next = chars[i++];
      source += `\\${next ?? ''}`;
      if (next !== undefined) kind = 'regexp';
    } else {
      source += char;
      if (char === '[' || char === ']') kind = 'regexp';
    }
  }
  switch (kind) {
    case 'exact':
      return (path) => path === bytes;
    case 'prefix': {
      const prefix = bytes.slice(0, -2);
      return (path) => path.startsWith(prefix);
    }
    case 'suffix': {
      const suffix = bytes.slice(2);
      return (path) => path.endsWith(suffix) || (suffix[0] === '/' && path === suffix.slice(1));
    }
    case 'regexp': {
      const expression = translateGoRegexp(`${source}$`);
      if (expression === undefined) throw badPattern(toText(bytes));
      const test = boundedTest(expression, toText(bytes));
      return (path) => test(toText(path));
    }
  }
}
