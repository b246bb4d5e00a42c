import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { KeyAgent } from './key-agent.ts';

const run = promisify(execFile);
let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'k3c-ka-'));
});
after(() => rm(directory, { recursive: true, force: true }));

/** A key of OpenSSH's own making. */
async function keygen(name: string, ...options: readonly string[]): Promise<string> {
  const path = join(directory, name);
  await run('ssh-keygen', ['-q', '-N', '', '-C', '', '-f', path, ...options]);
  return path;
}

/** Serves an agent on a socket, as the builder would inside the step. */
async function serve(agent: KeyAgent, path: string): Promise<Server> {
  const server = createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
        const end = 4 + pending.readUInt32BE(0);
        socket.write(agent.answer(pending.subarray(0, end)));
        pending = pending.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

const KINDS: readonly (readonly [title: string, ...options: string[]])[] = [
  ['ed25519', '-t', 'ed25519'],
  ['rsa', '-t', 'rsa', '-b', '2048'],
  ['ecdsa-256', '-t', 'ecdsa', '-b', '256'],
  ['ecdsa-384', '-t', 'ecdsa', '-b', '384'],
  ['ecdsa-521', '-t', 'ecdsa', '-b', '521'],
  ['rsa-pkcs1', '-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  ['ecdsa-sec1', '-t', 'ecdsa', '-m', 'PEM'],
  ['rsa-pkcs8', '-t', 'rsa', '-b', '2048', '-m', 'PKCS8'],
];

test('OpenSSH lists and uses keys of every kind and format, all through one agent', async () => {
  const paths = await Promise.all(KINDS.map(([title, ...options]) => keygen(title, ...options)));
  const socket = join(directory, 's');
  const server = await serve(new KeyAgent(paths.map((path) => readFileSync(path))), socket);
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  try {
    const { stdout } = await run('ssh-add', ['-L'], { env });
    const listed = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim());
    const expected = await Promise.all(paths.map(async (path) => (await readFile(`${path}.pub`, 'utf8')).trim()));
    assert.deepEqual(listed, expected);
    const message = join(directory, 'message');
    await writeFile(message, 'to be signed');
    for (const path of paths) {
      // Only the public key is there, so the agent must sign.
      await rm(path);
      await rm(`${message}.sig`, { force: true });
      await run('ssh-keygen', ['-Y', 'sign', '-n', 'test', '-f', `${path}.pub`, message], { env });
      const check = `ssh-keygen -Y check-novalidate -n test -s ${message}.sig < ${message}`;
      assert.match((await run('sh', ['-c', check])).stdout, /^Good "test" signature/, path);
    }
  } finally {
    server.close();
  }
});

test('the signature of a key that is not there, and every other request, fails', async () => {
  const agent = new KeyAgent([readFileSync(await keygen('one', '-t', 'ed25519'))]);
  const failure = Buffer.from([0, 0, 0, 1, 5]);
  const sign = Buffer.concat([Buffer.from([0, 0, 0, 13, 13]), Buffer.alloc(12)]);
  assert.deepEqual(agent.answer(sign), failure);
  assert.deepEqual(agent.answer(Buffer.from([0, 0, 0, 1, 19])), failure);
});

test('what is no key, or is locked, is refused without a word of it', async () => {
  assert.throws(
    () => new KeyAgent([Buffer.from('secret text')]),
    (error: Error) => {
      assert.equal(error.message, 'this is neither an ssh agent socket nor a private key');
      return true;
    },
  );
  for (const [name, ...format] of [['locked'], ['locked-pem', '-m', 'PEM']] as const) {
    const path = join(directory, name);
    await run('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', 'a passphrase', '-f', path, ...format]);
    assert.throws(
      () => new KeyAgent([readFileSync(path)]),
      /^K3cError: this private key is passphrase protected$|passphrase protected/,
    );
  }
});
