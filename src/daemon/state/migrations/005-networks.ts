import type { Migration } from './migration.ts';

/**
 * Networks that users made; and with each container the networks that it is on besides the default one, as JSON in the order in
 * which it was connected to them.
 */
export const networksMigration: Migration = {
  version: 5,
  name: 'networks',
  sql: `
    CREATE TABLE networks (
      id         TEXT PRIMARY KEY,
      name       TEXT NOT NULL UNIQUE,
      bridge     TEXT NOT NULL UNIQUE,
      config     TEXT NOT NULL,
      labels     TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    ALTER TABLE containers ADD COLUMN endpoints TEXT NOT NULL DEFAULT '[]';
  `,
};
