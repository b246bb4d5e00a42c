/** Options of mount(8) as mount(2) takes them (moby/sys, mount/flags_linux.go). */

const REC = 1 << 14;

/** Name: the flag, and whether it takes it away. */
const FLAGS: Readonly<Record<string, readonly [flag: number, clear?: boolean]>> = {
  defaults: [0],
  ro: [1],
  rw: [1, true],
  nosuid: [2],
  suid: [2, true],
  nodev: [4],
  dev: [4, true],
  noexec: [8],
  exec: [8, true],
  sync: [16],
  async: [16, true],
  remount: [32],
  mand: [64],
  nomand: [64, true],
  dirsync: [128],
  noatime: [1 << 10],
  atime: [1 << 10, true],
  nodiratime: [1 << 11],
  diratime: [1 << 11, true],
  bind: [1 << 12],
  rbind: [(1 << 12) | REC],
  relatime: [1 << 21],
  norelatime: [1 << 21, true],
  strictatime: [1 << 24],
  nostrictatime: [1 << 24, true],
};

const PROPAGATIONS: Readonly<Record<string, number>> = {
  unbindable: 1 << 17,
  runbindable: (1 << 17) | REC,
  private: 1 << 18,
  rprivate: (1 << 18) | REC,
  slave: 1 << 19,
  rslave: (1 << 19) | REC,
  shared: 1 << 20,
  rshared: (1 << 20) | REC,
};

export interface MountOptions {
  readonly flags: number;
  /** A call of its own, when the mount is there; 0: none. */
  readonly propagation: number;
  /** What the file system itself understands, with commas. */
  readonly data: string;
}

/** Reads `ro,noexec,size=1m`. What is no flag is for the file system. */
export function parseMountOptions(text: string): MountOptions {
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const option of text.split(',')) {
    const known = Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
    if (known !== undefined) flags = known[1] === true ? flags & ~known[0] : flags | known[0];
    else if (Object.hasOwn(PROPAGATIONS, option)) propagation |= PROPAGATIONS[option] ?? 0;
    else if (option !== '') data.push(option);
  }
  return { flags, propagation, data: data.join(',') };
}
