import type { Migration } from './migration.ts';

/** Pods that users made. Which containers are in one the containers' specifications say. */
export const podsMigration: Migration = {
  version: 6,
  name: 'pods',
  sql: `
    CREATE TABLE pods (
      id         TEXT PRIMARY KEY,
      name       TEXT NOT NULL UNIQUE,
      spec       TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      state      TEXT NOT NULL,
      attempt    INTEGER NOT NULL,
      sandbox_id TEXT NOT NULL,
      ports      TEXT NOT NULL,
      ip         TEXT NOT NULL,
      endpoints  TEXT NOT NULL,
      started_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX pods_sandbox_id ON pods (sandbox_id);
  `,
};
