import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../state/database.ts';
import { EventBus } from '../events/bus.ts';
import { volumeEngine } from './volumes.ts';

test('a volume that cannot be made is not left as a name', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'k3c-volumes-'));
  const state = openDatabase(':memory:');
  t.after(() => {
    state.close();
    rmSync(base, { recursive: true });
  });
  writeFileSync(join(base, 'file'), '');
  const volumes = join(base, 'file');
  const engine = volumeEngine({ state, paths: { volumes }, events: new EventBus(state.events) });
  const wanted = { name: 'data', driver: '', options: {}, labels: {} };
  const message = `create data: error while creating volume root path '${volumes}/data/_data': not a directory`;
  await assert.rejects(engine.create(wanted), { message });
  assert.deepEqual([engine.list({}), state.volumes.removed()], [[], []]);
  const name = 'a'.repeat(256);
  await assert.rejects(engine.create({ ...wanted, name }), {
    message: `create ${name}: volume name is too long, 255 characters are the most`,
  });
});
