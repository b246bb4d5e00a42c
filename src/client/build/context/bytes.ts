/**
 * File names are bytes, not text. Inside the build context they are "byte strings": one character a byte (latin1). Their
 * default order is the byte order fsutil demands, and a name that is not UTF-8 survives the trip.
 */

/** The UTF-8 bytes of a text as a byte string. */
export function toBytes(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string read as UTF-8; bytes that are none become U+FFFD, as Go's regexp sees them. */
export function toText(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Whether every character is below 0x80, so that text and byte string are the same. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** The path of an entry as the file system calls of Node take it: text while that is exact, else bytes. */
export function filePath(root: string, relative: string): string | Buffer {
  if (isAscii(relative)) return `${root}/${relative}`;
  return Buffer.concat([Buffer.from(`${root}/`, 'utf8'), Buffer.from(relative, 'latin1')]);
}
