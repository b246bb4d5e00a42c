/** A reader of tar archives that keeps what libraries drop: extended attributes, devices, fractions of a second. */

export interface TarEntry {
  /** As a byte string (latin1): a name need not be UTF-8. */
  readonly name: string;
  /** The type flag: `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` directory, `6` FIFO. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly link: string;
  /** `major,minor` of a device. */
  readonly device: string;
  /** By name, from SCHILY.xattr records, as byte strings. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: Buffer;
}

const BLOCK = 512;

/** Reads all entries of a pax, GNU or ustar archive. */
export function tarEntries(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  let pax = new Map<string, string>();
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const header = archive.subarray(at, at + BLOCK);
    const size = Number(pax.get('size') ?? numberAt(header, 124, 12));
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = textAt(header, 156, 1) || '0';
    if (type === 'x') pax = paxRecords(content);
    else if (type === 'L') pax.set('path', content.toString('latin1').replace(/\0.*/s, ''));
    else if (type === 'K') pax.set('linkpath', content.toString('latin1').replace(/\0.*/s, ''));
    else if (type !== 'g') {
      entries.push(entryOf(header, type, pax, content));
      pax = new Map();
    }
  }
  return entries;
}

function entryOf(header: Buffer, type: string, pax: ReadonlyMap<string, string>, content: Buffer): TarEntry {
  const prefix = textAt(header, 257, 6) === 'ustar' ? textAt(header, 345, 155) : '';
  const name = textAt(header, 0, 100);
  const isDevice = type === '3' || type === '4';
  return {
    name: pax.get('path') ?? (prefix === '' ? name : `${prefix}/${name}`),
    type,
    mode: numberAt(header, 100, 8),
    uid: Number(pax.get('uid') ?? numberAt(header, 108, 8)),
    gid: Number(pax.get('gid') ?? numberAt(header, 116, 8)),
    mtime: Number(pax.get('mtime') ?? numberAt(header, 136, 12)),
    link: pax.get('linkpath') ?? textAt(header, 157, 100),
    device: isDevice ? `${numberAt(header, 329, 8)},${numberAt(header, 337, 8)}` : '',
    attributes: Object.fromEntries(
      [...pax].filter(([key]) => key.startsWith('SCHILY.xattr.')).map(([key, value]) => [key.slice(13), value]),
    ),
    content,
  };
}

/** `LENGTH KEY=VALUE\n` …; a value may hold any byte. */
function paxRecords(content: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(' ', at);
    const end = at + Number(content.toString('latin1', at, space));
    if (!(end > at)) throw new Error('a broken pax record');
    const record = content.toString('latin1', space + 1, end - 1);
    const equals = record.indexOf('=');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}

function textAt(header: Buffer, offset: number, length: number): string {
  return header.toString('latin1', offset, offset + length).replace(/\0.*/s, '');
}

/** Octal text, or GNU's binary form where the first bit is set. */
function numberAt(header: Buffer, offset: number, length: number): number {
  const first = header[offset] ?? 0;
  if (first < 0x80) return Number.parseInt(textAt(header, offset, length).trim() || '0', 8);
  return header.subarray(offset + 1, offset + length).reduce((value, byte) => value * 256 + byte, 0);
}
