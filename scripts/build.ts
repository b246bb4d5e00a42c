/** All of `npm run build`: generated types, the engine, dist/k3c. Each step does only what its changed inputs ask for. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

for (const step of ['gen', 'vendor', 'package']) {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${step}.ts`)], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
