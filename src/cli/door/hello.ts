/** What a launcher says of itself when it knocks. */

export interface Hello {
  readonly version: number;
  /** SHA-256 of the payload's index: which build of k3c is knocking. */
  readonly digest: Buffer;
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly rows: number;
  readonly columns: number;
  readonly umask: number;
  readonly cwd: string;
  /** Without the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where the strings begin: version, digest, terminals, rows, columns, umask and the two counts lie before. */
const FIXED = 4 + 32 + 1 + 2 + 2 + 4 + 4 + 4;

/** Reads a HELLO. Undefined when it is malformed. */
export function parseHello(data: Buffer): Hello | undefined {
  if (data.length <= FIXED) return undefined;
  const terminals = data[36] as number;
  const argc = data.readUInt32LE(45);
  const envc = data.readUInt32LE(49);
  const strings = data.toString('utf8', FIXED).split('\0');
  // Every string is NUL-ended, so one empty piece follows the last.
  if (strings.length !== 1 + argc + envc + 1 || argc === 0) return undefined;
  const env: Record<string, string> = {};
  for (const variable of strings.slice(1 + argc, -1)) {
    const at = variable.indexOf('=');
    if (at > 0) env[variable.slice(0, at)] = variable.slice(at + 1);
  }
  return {
    version: data.readUInt32LE(0),
    digest: data.subarray(4, 36),
    isTty: { stdin: (terminals & 1) !== 0, stdout: (terminals & 2) !== 0, stderr: (terminals & 4) !== 0 },
    rows: data.readUInt16LE(37),
    columns: data.readUInt16LE(39),
    umask: data.readUInt32LE(41),
    cwd: strings[0] as string,
    argv: strings.slice(2, 1 + argc),
    env,
  };
}
