import { readFileSync } from 'node:fs';
import { getAsset } from 'node:sea';
import { isPackaged, sourcePath } from './program.ts';

/** A binary of the engine as it lies in the executable. */
export interface EngineFile {
  readonly name: string;
  readonly size: number;
  /** SHA-256 in hex. */
  readonly sha256: string;
}

export interface EngineList {
  /** Names the directory the engine is unpacked to; made from the files' digests. */
  readonly digest: string;
  readonly files: readonly EngineFile[];
}

/** One part of the engine, as `k3c version` and NOTICE name it. */
export interface EnginePart {
  readonly version: string;
  readonly module: string;
  readonly license: string;
}

/** What the executable's `engine.json` says is inside. Only for the packaged form. */
export function engineList(): EngineList {
  return JSON.parse(getAsset('engine.json', 'utf8')) as EngineList;
}

/** Versions and licences of the engine's parts, by name. */
export function engineParts(): Readonly<Record<string, EnginePart>> {
  const text = isPackaged()
    ? getAsset('manifest.json', 'utf8')
    : readFileSync(sourcePath('vendor-bin/manifest.json'), 'utf8');
  return JSON.parse(text) as Record<string, EnginePart>;
}
