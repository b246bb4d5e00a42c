import type { Migration } from './migration.ts';

/**
 * What health checks found, a row a container that has one; kept apart from the containers, whose rows every list reads. A
 * removed container takes its row along.
 */
export const healthMigration: Migration = {
  version: 3,
  name: 'health',
  sql: `
    CREATE TABLE health (
      container TEXT PRIMARY KEY REFERENCES containers (id) ON DELETE CASCADE,
      attempt   INTEGER NOT NULL,
      status    TEXT NOT NULL,
      streak    INTEGER NOT NULL,
      results   TEXT NOT NULL
    ) STRICT;
  `,
};
