import type { Migration } from './migration.ts';

/** Options of the volume driver; and the mark of a volume whose files are still to be taken away. */
export const volumeOptionsMigration: Migration = {
  version: 4,
  name: 'volume-options',
  sql: `
    ALTER TABLE volumes ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE volumes ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
  `,
};
