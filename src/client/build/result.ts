/** What a finished build leaves behind for programs: the image's id and the exporters' metadata. */
import { rm, stat, writeFile } from 'node:fs/promises';
import type { ExporterResponse } from './solve.ts';

/** The image's id as docker prints it: the digest of its configuration, else of its manifest; undefined without an image. */
export function imageId(response: ExporterResponse): string | undefined {
  return response['containerimage.config.digest'] ?? response['containerimage.digest'];
}

/**
 * Takes away what an earlier build left in `--iidfile`, so that a build that fails leaves none. Only a file: `/dev/stdout` and FIFOs
 * are there to be written to.
 */
export async function removeIdFile(path: string): Promise<void> {
  const there = await stat(path).catch(ignoreMissing);
  if (there?.isFile()) await rm(path, { force: true });
}

function ignoreMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  return undefined;
}

/** Writes `--iidfile`: the id without a newline. */
export async function writeIdFile(path: string, response: ExporterResponse): Promise<void> {
  await writeFile(path, imageId(response) ?? '');
}

/** Writes `--metadata-file`: the response as JSON, with values that are JSON in base64 opened up. */
export async function writeMetadataFile(path: string, response: ExporterResponse): Promise<void> {
  const metadata = Object.fromEntries(
    Object.entries(response)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, openUp(value)]),
  );
  await writeFile(path, `${JSON.stringify(metadata, undefined, 2)}\n`);
}

function openUp(value: string): unknown {
  if (!/^[A-Za-z0-9+/]+=*$/.test(value)) return value;
  const decoded = Buffer.from(value, 'base64').toString('utf8');
  if (!decoded.startsWith('{')) return value;
  try {
    return JSON.parse(decoded);
  } catch {
    // It only looked like it.
    return value;
  }
}
