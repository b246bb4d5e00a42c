import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon?.stop());

const MIB = 1 << 20;

/** A build whose layers are not shared with another one's. */
function build(name: string, options: readonly string[] = []): Promise<string> {
  const dockerfile = `FROM busybox\nLABEL kind=${name}\nRUN echo ${name}; head -c ${8 * MIB} /dev/urandom > /data\n`;
  return daemon.ok(['build', '-q', ...options, '-t', name, '-'], { stdin: dockerfile });
}

/** Bytes on disk of what `system df` is about, as du counts them. */
async function onDisk(): Promise<number> {
  const store = 'containerd/io.containerd.';
  const parts = [`${store}content.v1.content`, `${store}snapshotter.v1.overlayfs`, 'buildkit', 'volumes', 'logs'];
  const paths = parts.map((part) => join(daemon.root, part));
  const { stdout } = await run('du', ['-sk', ...paths]);
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number.parseInt(line, 10) * 1024, 0);
}

interface Row {
  readonly Type: string;
  readonly TotalCount: string;
  readonly Active: string;
  readonly Size: string;
}

async function df(): Promise<Record<string, Row>> {
  const lines = (await daemon.ok(['system', 'df', '--format', 'json'])).split('\n');
  return Object.fromEntries(lines.map((line) => JSON.parse(line) as Row).map((row) => [row.Type, row]));
}

function bytes(size: string | undefined): number {
  const [, number = '', unit = ''] = /^([\d.]+)(k?M?G?B)/.exec(size ?? '') ?? [];
  return Number(number) * ({ B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? Number.NaN);
}

async function measured(): Promise<number> {
  return Object.values(await df()).reduce((sum, row) => sum + bytes(row.Size), 0);
}

async function agrees(): Promise<void> {
  const [told, real] = [await measured(), await onDisk()];
  assert.ok(Math.abs(told - real) < 0.05 * real, `df says ${told}, du ${real}`);
}

describe('what lies on disk', () => {
  test('df agrees with du, and counts what is in use', async () => {
    await build('app:1');
    await daemon.ok(['run', '-d', '--name', 'up', '-v', '/vol', 'busybox', 'sleep', '1000']);
    await daemon.ok(['run', '--name', 'down', 'app:1', 'sh', '-c', `head -c ${5 * MIB} /dev/urandom > /own; echo hi`]);
    const rows = await df();
    assert.deepEqual([rows['Images']?.TotalCount, rows['Images']?.Active], ['2', '2']);
    assert.deepEqual([rows['Containers']?.TotalCount, rows['Containers']?.Active], ['2', '1']);
    assert.deepEqual([rows['Local Volumes']?.TotalCount, rows['Local Volumes']?.Active], ['1', '1']);
    assert.ok(bytes(rows['Containers']?.Size) > 5 * MIB);
    await agrees();
    assert.equal(await daemon.ok(['images', '-f', 'until=1h', '--format', '{{.Repository}}']), 'busybox');
    // The filter counts whole seconds.
    await sleep(2100);
    assert.equal(await daemon.ok(['images', '-f', 'until=1s', '-f', 'label=kind', '--format', '{{.Tag}}']), '1');
  });

  test('the table and the four of -v', async () => {
    const summary = await daemon.ok(['system', 'df']);
    assert.match(summary, /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +2 +2 /);
    const details = await daemon.ok(['system', 'df', '-v']);
    for (const heading of [
      'Images space usage:',
      'Containers space usage:',
      'Local Volumes space usage:',
      'Build cache usage: ',
    ])
      assert.ok(details.includes(heading), heading);
    assert.match(details, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS$/m);
    assert.equal(await daemon.ok(['system', 'df', '-v', '--format', '{{len .Images}} {{len .Containers}}']), '2 2');
    assert.match(await daemon.ok(['builder', 'du']), /^ID +RECLAIMABLE +SIZE +LAST ACCESSED\n[\s\S]*\nTotal:\t\t/);
  });
});

describe('prune', () => {
  test('asks, and takes no for an answer', async () => {
    const { code, stdout } = await daemon.k3c(['container', 'prune'], { stdin: 'n\n' });
    assert.deepEqual(
      [code, stdout],
      [0, 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] '],
    );
    const asked = await daemon.k3c(['system', 'prune', '-a', '--volumes', '--filter', 'label!=keep'], { stdin: '' });
    assert.equal(
      asked.stdout,
      'WARNING! This will remove:\n  - all stopped containers\n' +
        '  - all networks not used by at least one container\n' +
        '  - all anonymous volumes not used by at least one container\n' +
        '  - all images without at least one container associated to them\n  - all build cache\n\n' +
        '  Items to be pruned will be filtered with:\n  - label!=keep\n\n' +
        'Are you sure you want to continue? [y/N] ',
    );
    assert.equal((await daemon.ok(['ps', '-aq'])).split('\n').length, 2);
  });

  test('containers: only those that do not run, and only those that filters leave', async () => {
    assert.equal(await daemon.ok(['container', 'prune', '-f', '--filter', 'until=1h']), 'Total reclaimed space: 0B');
    const id = await daemon.ok(['inspect', '-f', '{{.Id}}', 'down']);
    const printed = await daemon.ok(['container', 'prune'], { stdin: 'y\n' });
    assert.match(printed, new RegExp(`Deleted Containers:\\n${id}\\n\\nTotal reclaimed space: 5\\.\\d+MB$`));
    assert.equal(await daemon.ok(['ps', '-a', '--format', '{{.Names}}']), 'up');
  });

  test('images: those without a name, or with -a all that no container uses; the space is free at once', async () => {
    const old = await build('moved:1');
    await build('moved:1', ['--no-cache']);
    // What the build cache has too would not be free.
    await daemon.ok(['builder', 'prune', '-a', '-f']);
    const before = await onDisk();
    assert.match(await daemon.ok(['image', 'prune', '-f']), new RegExp(`^Deleted Images:\\ndeleted: ${old}\\n`));
    assert.equal(await daemon.ok(['image', 'prune', '-f']), 'Total reclaimed space: 0B');
    const after = await onDisk();
    assert.ok(after < before - 8 * MIB, `${before} before, ${after} after`);
    for (const filter of ['label=kind=none', 'label!=kind', 'until=24h']) {
      const { stdout } = await daemon.k3c(['image', 'prune', '-a', '-f', '--filter', filter]);
      assert.equal(stdout, 'Total reclaimed space: 0B\n', filter);
    }
    const all = await daemon.ok(['image', 'prune', '-a', '-f']);
    assert.match(all, /^Deleted Images:\nuntagged: .*\n[\s\S]*\n\nTotal reclaimed space: [\d.]+MB$/);
    assert.equal(await daemon.ok(['images', '--format', '{{.Repository}}']), 'busybox');
    await agrees();
  });

  test('build cache: filters, and what it held is free', async () => {
    await build('cached:1');
    const before = await onDisk();
    assert.equal(
      await daemon.ok(['builder', 'prune', '-a', '-f', '--filter', 'until=1h']),
      'Total reclaimed space: 0B',
    );
    assert.match(await daemon.ok(['builder', 'prune', '-a', '-f']), /^Deleted build cache objects:\n/);
    assert.ok((await onDisk()) < before - 4 * MIB);
    assert.match(await daemon.ok(['builder', 'du']), /^ID .*\nReclaimable:\t0B\nTotal:\t\t0B$/);
    const wrong = await daemon.k3c(['builder', 'prune', '-f', '--filter', 'colour=red']);
    assert.match(wrong.stderr, /^Error response from daemon: invalid filter 'colour'\n/);
  });

  test('system: all of it at once, with the total', async () => {
    await daemon.ok(['rm', '-f', 'up']);
    const printed = await daemon.ok(['system', 'prune', '-a', '-f', '--volumes']);
    assert.match(printed, /Deleted Volumes:\n[0-9a-f]{64}\n/);
    assert.match(printed, /Deleted Images:\nuntagged: busybox:latest\n/);
    assert.match(printed, /\nTotal reclaimed space: [\d.]+MB$/);
    const rows = await df();
    assert.deepEqual(
      Object.values(rows).map(({ TotalCount }) => TotalCount),
      ['0', '0', '0', '0'],
    );
    assert.ok((await onDisk()) < MIB, `${await onDisk()} bytes are left`);
  });
});
