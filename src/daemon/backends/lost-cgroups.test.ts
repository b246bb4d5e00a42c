import assert from 'node:assert/strict';
import { existsSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeLostCgroups } from './lost-cgroups.ts';

const id = (letter: string) => letter.repeat(64);

/** In plain directories, which unlike cgroups are not empty with a `cgroup.procs`: a group without processes has none here. */
test('groups that no process is in go, in every hierarchy; others stay', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-cgroups-'));
  t.after(() => rm(directory, { recursive: true }));
  const mount = join(directory, 'cgroup');
  const containerdState = join(directory, 'c');
  const make = async (group: string, processes?: string) => {
    await mkdir(join(mount, group), { recursive: true });
    if (processes !== undefined) await writeFile(join(mount, group, 'cgroup.procs'), processes);
  };
  for (const hierarchy of ['cpu', 'memory']) {
    await make(`${hierarchy}/k3c/${id('a')}`);
    await make(`${hierarchy}/k3c/${id('b')}/inner`);
    await make(`${hierarchy}/k3c/${id('c')}`, '12\n');
    await make(`${hierarchy}/k3c/${id('d')}/inner/most`, '13\n');
    await make(`${hierarchy}/k3c/${id('d')}/other`);
    await make(`${hierarchy}/k3c/build`);
    await make(`${hierarchy}/others/${id('e')}`);
    await make(`${hierarchy}/others/${id('f')}`);
    await make(`${hierarchy}/named`);
  }
  // In one hierarchy alone it is in use.
  await make(`cpu/k3c/${id('1')}`);
  await make(`memory/k3c/${id('1')}`, '14\n');
  const bundle = async (name: string, cgroupsPath: string) => {
    const path = join(containerdState, 'io.containerd.runtime.v2.task/k8s.io', name);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'config.json'), JSON.stringify({ linux: { cgroupsPath } }));
  };
  await bundle(id('e'), `/others/${id('e')}`);
  await bundle(id('2'), '/named');
  await bundle(id('3'), `system.slice:cri:${id('3')}`);
  await mkdir(join(containerdState, 'io.containerd.runtime.v2.task/k8s.io', id('4')));

  assert.equal(removeLostCgroups({ containerdState, parent: '/k3c', version: 1, mount }), 3);
  for (const hierarchy of ['cpu', 'memory']) {
    const left = await readdir(join(mount, hierarchy, 'k3c'));
    assert.deepEqual(left.toSorted(), [id('1'), 'build', id('c'), id('d')].toSorted());
    assert.ok(existsSync(join(mount, hierarchy, `k3c/${id('d')}/other`)));
    assert.deepEqual(await readdir(join(mount, hierarchy, 'others')), [id('f')]);
    assert.ok(existsSync(join(mount, hierarchy, 'named')));
  }
});

test('where nothing was ever started there is nothing to do', async (t) => {
  const mount = await mkdtemp(join(tmpdir(), 'k3c-cgroups-'));
  t.after(() => rmdirSync(mount));
  const places = { containerdState: join(mount, 'none'), parent: '/k3c', mount };
  assert.equal(removeLostCgroups({ ...places, version: 2 }), 0);
  assert.equal(removeLostCgroups({ ...places, version: 1 }), 0);
});
