/** Whole files, written so that a reader or a crash never meets half of one. */
import { open, rename, rm } from 'node:fs/promises';

/** Writes a file beside its place and renames it there (rename(2) is atomic). */
export async function writeFileAtomic(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  try {
    await using handle = await open(temporary, 'w', mode);
    await handle.writeFile(content);
    await handle.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
