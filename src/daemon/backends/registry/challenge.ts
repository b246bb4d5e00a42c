/** WWW-Authenticate headers (RFC 9110, 11.6.1), as registries send them. */

export interface Challenge {
  /** In lower case: basic, bearer. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"/;

/** Parses a header's value, which may hold several challenges. What cannot be read ends it. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header;
  const skip = (pattern: RegExp) => {
    rest = rest.replace(pattern, '');
  };
  for (;;) {
    skip(/^[\s,]+/);
    const name = TOKEN.exec(rest)?.[0];
    if (name === undefined) return challenges;
    rest = rest.slice(name.length);
    const assigned = /^\s*=\s*/.exec(rest);
    const current = challenges.at(-1);
    // A word without a value begins the next challenge.
    if (assigned === null || current === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: {} });
      continue;
    }
    rest = rest.slice(assigned[0].length);
    const quoted = QUOTED.exec(rest);
    const plain = quoted === null ? TOKEN.exec(rest) : undefined;
    const found = quoted ?? plain;
    if (found === null || found === undefined) return challenges;
    rest = rest.slice(found[0].length);
    current.parameters[name.toLowerCase()] = quoted === null ? found[0] : (quoted[1] ?? '').replace(/\\(.)/g, '$1');
  }
}
