/** What opens a registry. Never printed, never in an error. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  /** An OAuth refresh token, used instead of user name and password. */
  readonly identityToken?: string | undefined;
}
