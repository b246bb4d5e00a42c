/** OCI image archives made on the spot: tests have no registry to pull from. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ImageOptions {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly stopSignal?: string;
}

/**
 * Writes `busybox.tar`, an image of the host's static busybox with its applets in /bin, into a directory.
 * Its entrypoint is one that a pause container can have too: it waits for ever. CRI containers give their own command.
 *
 * @returns the path of the archive
 */
export async function writeBusyboxImage(directory: string, name: string, options: ImageOptions = {}): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), 'k3c-busybox-'));
  try {
    await mkdir(join(tree, 'bin'));
    await mkdir(join(tree, 'etc'));
    await mkdir(join(tree, 'tmp'), { mode: 0o1777 });
    await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
    const { stdout } = await run('/bin/busybox', ['--list']);
    for (const applet of stdout.split('\n')) {
      if (applet !== '' && applet !== 'busybox') await symlink('busybox', join(tree, 'bin', applet));
    }
    await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
    await writeFile(join(tree, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    const archive = join(directory, 'busybox.tar');
    await writeImage(archive, name, tree, {
      command: ['/bin/sleep', '2147483647'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      ...options,
    });
    return archive;
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** Writes an OCI archive of one layer that holds a directory's content, owned by root. */
export async function writeImage(archive: string, name: string, tree: string, options: ImageOptions): Promise<void> {
  const layout = await mkdtemp(join(tmpdir(), 'k3c-image-'));
  try {
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    const put = async (content: Buffer, mediaType: string) => {
      const hex = createHash('sha256').update(content).digest('hex');
      await writeFile(join(layout, 'blobs/sha256', hex), content);
      return { mediaType, digest: `sha256:${hex}`, size: content.length };
    };
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    await tar(join(layout, 'layer.tar'), tree);
    const layer = await put(await readFile(join(layout, 'layer.tar')), 'application/vnd.oci.image.layer.v1.tar');
    await rm(join(layout, 'layer.tar'));
    const config = await put(
      json({
        architecture: 'amd64',
        os: 'linux',
        created: '2000-01-01T00:00:00Z',
        config: {
          Entrypoint: options.entrypoint,
          Cmd: options.command,
          Env: options.env,
          StopSignal: options.stopSignal,
        },
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
      }),
      'application/vnd.oci.image.config.v1+json',
    );
    const manifestType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = await put(
      json({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] }),
      manifestType,
    );
    const annotations = { 'io.containerd.image.name': name };
    await writeFile(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
    await writeFile(
      join(layout, 'index.json'),
      json({
        schemaVersion: 2,
        manifests: [{ ...manifest, platform: { architecture: 'amd64', os: 'linux' }, annotations }],
      }),
    );
    await tar(archive, layout);
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
}

async function tar(archive: string, tree: string): Promise<void> {
  const same = ['--sort=name', '--mtime=@946684800', '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', [...same, '-C', tree, '-cf', archive, '.']);
}
