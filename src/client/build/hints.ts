/**
 * Ways out of failures that BuildKit reports in words alone, with one code for all of them. A hint is printed and decides nothing,
 * so a sentence that changes upstream costs the hint and no more.
 */
const HINTS: readonly (readonly [pattern: RegExp, hint: (...found: string[]) => string])[] = [
  [
    /(network\.host|security\.insecure|device\S*) is not allowed/,
    (entitlement = '') => `allow it for this build with --allow ${entitlement}`,
  ],
  [/unknown scheme git\b/, () => 'the builder runs git for a git repository: install it where the daemon runs'],
  [
    /docker\/buildkit-syft-scanner/,
    () => 'an SBOM is made by a scanner image: load one and name it with --sbom generator=IMAGE',
  ],
];

/** A hint for a message of the builder, if there is one. */
export function hintFor(message: string): string | undefined {
  for (const [pattern, hint] of HINTS) {
    const match = pattern.exec(message);
    if (match !== null) return hint(...match.slice(1));
  }
  return undefined;
}
