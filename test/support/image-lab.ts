/** A containerd with our image engine on it, and what tests of images ask of both. */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { K3cError, type Reason } from '../../src/api/errors.ts';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { createImageEngine, type ImageEngine } from '../../src/daemon/engine/images/images.ts';
import type { LoadedImage } from '../../src/daemon/engine/images/load.ts';
import type { ImageUser } from '../../src/daemon/engine/images/parts.ts';
import { silentLog } from '../../src/host/log.ts';
import { type Engine, startEngine } from './engine.ts';
import { writeLayeredImage } from './layers.ts';

export interface Sample {
  readonly layers?: number;
  readonly bytes?: number;
  readonly docker?: boolean;
  readonly architectures?: readonly string[];
}

export class ImageLab {
  readonly base: string;
  readonly engine: Engine;
  readonly containerd: Containerd;
  readonly images: ImageEngine;
  /** What the engine is told when it asks who uses an image. */
  users: readonly ImageUser[] = [];

  private constructor(base: string, engine: Engine) {
    this.base = base;
    this.engine = engine;
    this.containerd = connectContainerd(engine.containerdSocket);
    this.images = this.imageEngine();
  }

  static async start(): Promise<ImageLab> {
    const base = await mkdtemp(join(tmpdir(), 'k3c-im-'));
    try {
      const engine = await startEngine({ root: join(base, 'root'), state: join(base, 's'), buildkit: false });
      return new ImageLab(base, engine);
    } catch (error) {
      await rm(base, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.containerd.close();
    await this.engine.stop();
    await rm(this.base, { recursive: true, force: true });
  }

  imageEngine(options: Partial<Parameters<typeof createImageEngine>[0]> = {}): ImageEngine {
    return createImageEngine({
      containerd: this.containerd,
      snapshotter: 'overlayfs',
      log: silentLog,
      containersUsing: () => this.users,
      ...options,
    });
  }

  /** Loads a fresh image of random layers under these names. */
  async load(names: readonly string[], sample: Sample = {}): Promise<LoadedImage[]> {
    const archive = join(this.base, 'load.tar');
    const { layers = 3, bytes = 64 << 10, ...rest } = sample;
    await writeLayeredImage(archive, { layers, bytesPerLayer: bytes, names, ...rest });
    return this.images.load(createReadStream(archive));
  }

  /** containerd collects while a deletion that asks for it waits. */
  async collectGarbage(): Promise<void> {
    await this.containerd.leases.create({ id: 'k3c-test' });
    await this.containerd.leases.delete({ id: 'k3c-test', sync: true });
  }

  async blobs(): Promise<string[]> {
    const digests: string[] = [];
    for await (const { info } of this.containerd.content.list({})) digests.push(...info.map((each) => each.digest));
    return digests.sort();
  }

  async snapshots(): Promise<string[]> {
    const names: string[] = [];
    for await (const { info } of this.containerd.snapshots.list({ snapshotter: 'overlayfs' })) {
      names.push(...info.map((each) => each.name));
    }
    return names.sort();
  }

  async leases(): Promise<string[]> {
    return (await this.containerd.leases.list({})).leases.map((lease) => lease.id);
  }

  /** The id that CRI has for a name. */
  async inCri(name: string): Promise<string | undefined> {
    return (await this.containerd.criImages.imageStatus({ image: { image: name } })).image?.id;
  }
}

/** Asserts that work fails with a K3cError of this message and reason. */
export function rejects(work: Promise<unknown>, message: string | RegExp, reason?: Reason): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof K3cError, String(error));
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    if (reason !== undefined) assert.equal(error.reason, reason);
    return true;
  });
}
