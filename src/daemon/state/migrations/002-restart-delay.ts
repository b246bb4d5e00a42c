import type { Migration } from './migration.ts';

/** The delay of a restart policy, so that a new daemon goes on where the one before was. */
export const restartDelayMigration: Migration = {
  version: 2,
  name: 'restart-delay',
  sql: 'ALTER TABLE containers ADD COLUMN restart_delay_ms INTEGER NOT NULL DEFAULT 0',
};
