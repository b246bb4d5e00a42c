/** An HTTP server on loopback with a few files and a git repository, as `ADD` fetches them. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { packTrees } from './conformance-cases.ts';

export interface LoopbackFiles {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves files/hello.txt, files/packed.tar.gz and project.git, made below a directory. */
export async function serveFiles(directory: string): Promise<LoopbackFiles> {
  const root = join(directory, 'served');
  mkdirSync(join(root, 'files'), { recursive: true });
  writeFileSync(join(root, 'files/hello.txt'), 'hello over http\n');
  packTrees(join(root, 'files'));
  makeRepository(directory, join(root, 'project.git'));
  const server = createServer((request, response) => {
    const path = join(root, normalize(new URL(request.url ?? '/', 'http://h').pathname));
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const fixed = { 'last-modified': 'Sat, 03 Feb 2001 04:05:06 GMT', 'content-length': stats.size };
    response.writeHead(200, fixed).end(request.method === 'HEAD' ? undefined : readFileSync(path));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Two commits on main; the first has the tag v1. Read over "dumb" HTTP, as plain files. */
function makeRepository(directory: string, bare: string): void {
  const work = join(directory, 'project');
  mkdirSync(join(work, 'sub'), { recursive: true });
  const who = ['-c', 'user.name=ada', '-c', 'user.email=ada@example.org', '-c', 'init.defaultBranch=main'];
  const git = (...args: string[]) => execFileSync('git', [...who, '-C', work, ...args], { stdio: 'ignore' });
  git('init');
  writeFileSync(join(work, 'sub/one'), 'one\n');
  writeFileSync(join(work, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  git('add', '-A');
  git('commit', '-m', 'first');
  git('tag', 'v1');
  writeFileSync(join(work, 'two'), 'two\n');
  git('add', '-A');
  git('commit', '-m', 'second');
  git('clone', '--bare', work, bare);
  execFileSync('git', ['-C', bare, 'update-server-info']);
}
