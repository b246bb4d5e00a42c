/**
 * The import law of the rooms under src (see README.md, "Rooms"): who may import whom, and which room may use which
 * library. Checked on every run of the tests by scripts/check.ts.
 */
/** A room as a pattern: a folder or a file of that name; `daemon/*` is the files right in src/daemon. */
const room = (name) => (name === 'daemon/*' ? '^src/daemon/[^/]+\\.ts$' : `^src/${name}(/|\\.ts$)`);

/** room → the rooms it may import besides itself; api and host are open to all and import none of ours. */
const rights = {
  main: ['cli', 'daemon', 'bundle'],
  cli: ['client'],
  client: [],
  bundle: [],
  api: [],
  host: [],
  'daemon/*': ['daemon', 'bundle'],
  'daemon/gateway': ['daemon/engine', 'daemon/services'],
  'daemon/services': ['daemon/engine'],
  'daemon/engine': ['daemon/backends', 'daemon/state', 'daemon/paths'],
  'daemon/supervisor': ['daemon/backends', 'daemon/paths'],
  'daemon/backends': [],
  'daemon/state': [],
};
const open = ['api', 'host'];

/** library → the rooms that may import it. */
const libraries = {
  commander: ['cli'],
  '@grpc/grpc-js': ['api', 'client', 'daemon/services', 'daemon/gateway', 'daemon/backends'],
  'better-sqlite3': ['daemon/state'],
  'dns-packet': ['daemon/engine/names'],
};

const forbidden = Object.entries(rights).map(([from, to]) => ({
  name: `${from}-imports`,
  severity: 'error',
  comment: `${from} may import only: ${[...to, ...(open.includes(from) ? [] : open)].join(', ') || 'nothing of ours'}`,
  from: { path: room(from), pathNot: '\\.test\\.ts$' },
  to: {
    path: '^src/',
    pathNot: [from, ...to, ...(open.includes(from) ? [] : open)].map(room),
  },
}));

for (const [library, rooms] of Object.entries(libraries)) {
  forbidden.push({
    name: `${library}-only-in-${rooms.join('-')}`,
    severity: 'error',
    from: { path: '^src/', pathNot: [...rooms.map(room), '\\.test\\.ts$'] },
    to: { path: `node_modules/${library}/` },
  });
}

forbidden.push(
  {
    name: 'child-process-only-in-host',
    severity: 'error',
    comment: 'Processes are started by src/host alone',
    from: { path: '^src/', pathNot: [room('host'), '\\.test\\.ts$'] },
    to: { path: '^(node:)?child_process$' },
  },
  { name: 'no-cycles', severity: 'error', from: { path: '^src/', pathNot: '^src/api/gen' }, to: { circular: true } },
);

module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/api/gen/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
