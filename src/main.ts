/** Where both roles begin: the command line, and the daemon behind its command `daemon`. Each loads only what it needs. */
import { processHost } from './cli/process-context.ts';
import { runCli } from './cli/program.ts';

const [command] = process.argv.slice(2);
// Process lists show this and not Node's own name; never the arguments, which may hold secrets.
process.title = command === undefined || command.startsWith('-') ? 'k3c' : `k3c ${command}`;

const host = processHost();
runCli(process.argv.slice(2), host, {
  runDaemon: async (flags, daemonHost) => (await import('./daemon/daemon.ts')).runDaemon(flags, daemonHost),
}).then(
  (code) => {
    host.dispose();
    process.exit(code);
  },
  (error: unknown) => {
    host.dispose();
    console.error('k3c: an error in k3c itself:', error);
    process.exit(125);
  },
);
