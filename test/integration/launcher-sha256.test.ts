/** The launcher's SHA-256, portable and on the processor's own instructions, against Node's. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, temporaryDirectory } from '../support/binary.ts';

const launcher = join(import.meta.dirname, '../../src/launcher');

/** Hashes standard input, read in pieces of the given size. */
const program = `
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "launcher.h"
int main(int argc, char **argv) {
  size_t piece = (size_t)atol(argv[1]);
  uint8_t *buffer = malloc(piece), digest[DIGEST_BYTES];
  struct sha256 hash;
  sha256_start(&hash);
  if (argc > 2) hash.accelerated = false;
  for (ssize_t got; (got = read(0, buffer, piece)) > 0;) sha256_add(&hash, buffer, (size_t)got);
  sha256_finish(&hash, digest);
  for (int i = 0; i < DIGEST_BYTES; i++) printf("%02x", digest[i]);
}
`;

test('both ways agree with Node for every length around the block size and for pieces of any size', async (t) => {
  const directory = temporaryDirectory(t);
  const source = join(directory, 'hash.c');
  const binary = join(directory, 'hash');
  writeFileSync(source, program);
  const files = ['sha256.c', 'sha256_x86.c'].map((name) => join(launcher, name));
  execFileSync('gcc', ['-O2', '-I', launcher, '-o', binary, source, ...files]);
  const ways = [['portable'], ...(/\bsha_ni\b/.test(readFileSync('/proc/cpuinfo', 'utf8')) ? [[]] : [])];
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 300_001]) {
    const input = randomBytes(size);
    const expected = createHash('sha256').update(input).digest('hex');
    for (const way of ways) {
      for (const piece of ['7', '64', '65536']) {
        if (size > 1000 && piece === '7') continue;
        const { stdout } = await run(binary, [piece, ...way], { input });
        assert.equal(stdout, expected, `${size} bytes in pieces of ${piece} ${way.join()}`);
      }
    }
  }
});
