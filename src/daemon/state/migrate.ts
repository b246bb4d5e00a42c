import type { Database } from 'better-sqlite3';
import { Code, K3cError } from '../../api/errors.ts';
import type { Migration } from './migrations/migration.ts';

/**
 * Brings the schema to the newest version, each step in a transaction of its own; the version is SQLite's user_version.
 * A database of a newer k3c is refused: what it holds cannot be known here.
 */
export function migrate(database: Database, migrations: readonly Migration[]): void {
  const current = Number(database.pragma('user_version', { simple: true }));
  const newest = migrations.length;
  if (current > newest) {
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      `the state in ${database.name} has version ${current}, this k3c knows versions up to ${newest}`,
      { hint: 'run the newer k3c that wrote it, or choose another --root' },
    );
  }
  for (const migration of migrations.slice(current)) {
    database.transaction(() => {
      database.exec(migration.sql);
      database.pragma(`user_version = ${migration.version}`);
    })();
  }
}
