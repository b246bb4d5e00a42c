/** Builds the launcher and the child helper into dist/launcher: what a daemon run from its sources needs. */
import { buildLauncher } from './package/launcher.ts';

await buildLauncher();
