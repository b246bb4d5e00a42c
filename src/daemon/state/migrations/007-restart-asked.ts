import type { Migration } from './migration.ts';

/** A restart by hand that is under way, so that a new daemon finishes it. */
export const restartAskedMigration: Migration = {
  version: 7,
  name: 'restart-asked',
  sql: `ALTER TABLE containers ADD COLUMN restart_asked TEXT NOT NULL DEFAULT 'null'`,
};
