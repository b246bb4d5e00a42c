import type { Migration } from './migration.ts';

/** Containers, volumes and the event history. */
export const containersMigration: Migration = {
  version: 1,
  name: 'containers',
  sql: `
    CREATE TABLE containers (
      id            TEXT PRIMARY KEY,
      name          TEXT NOT NULL UNIQUE,
      spec          TEXT NOT NULL,
      config        TEXT NOT NULL,
      image_id      TEXT NOT NULL,
      image_ref     TEXT NOT NULL,
      created_at    INTEGER NOT NULL,
      state         TEXT NOT NULL,
      attempt       INTEGER NOT NULL,
      sandbox_id    TEXT NOT NULL,
      cri_id        TEXT NOT NULL,
      pid           INTEGER NOT NULL,
      started_at    INTEGER NOT NULL,
      finished_at   INTEGER NOT NULL,
      exit_code     INTEGER NOT NULL,
      oom_killed    INTEGER NOT NULL,
      error         TEXT NOT NULL,
      restart_count INTEGER NOT NULL,
      manual_stop   INTEGER NOT NULL,
      log_path      TEXT NOT NULL,
      ports         TEXT NOT NULL,
      ip            TEXT NOT NULL
    ) STRICT;
    CREATE INDEX containers_created_at ON containers (created_at);
    CREATE INDEX containers_sandbox_id ON containers (sandbox_id);
    CREATE INDEX containers_image_id ON containers (image_id);
    CREATE TABLE volumes (
      name       TEXT PRIMARY KEY,
      anonymous  INTEGER NOT NULL,
      labels     TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE events (
      sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
      time_nano  INTEGER NOT NULL,
      type       TEXT NOT NULL,
      action     TEXT NOT NULL,
      actor      TEXT NOT NULL,
      attributes TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_time ON events (time_nano);
  `,
};
