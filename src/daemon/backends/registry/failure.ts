/** The kinds of failure between us and a registry. */
export type RegistryFailure =
  | 'not-found'
  | 'unauthorized'
  | 'denied'
  | 'rate-limited'
  | 'no-such-host'
  | 'refused'
  | 'certificate'
  | 'plain-http'
  | 'timeout'
  | 'no-space'
  | 'other';
