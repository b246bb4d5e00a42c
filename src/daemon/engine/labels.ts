/** docker's filters by label. */

/** Whether labels have `key`, or `key=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  const key = equals === -1 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals === -1 || labels[key] === wanted.slice(equals + 1));
}
