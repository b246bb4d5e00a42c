import { containersMigration } from './001-containers.ts';
import { restartDelayMigration } from './002-restart-delay.ts';
import { healthMigration } from './003-health.ts';
import { volumeOptionsMigration } from './004-volume-options.ts';
import { networksMigration } from './005-networks.ts';
import { podsMigration } from './006-pods.ts';
import { restartAskedMigration } from './007-restart-asked.ts';
import type { Migration } from './migration.ts';

/** Every step in order. */
export const migrations: readonly Migration[] = [
  containersMigration,
  restartDelayMigration,
  healthMigration,
  volumeOptionsMigration,
  networksMigration,
  podsMigration,
  restartAskedMigration,
];
