import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintFor } from './hints.ts';

test('what the builder only says in words gets a way out', () => {
  assert.match(hintFor('failed to load LLB: security.insecure is not allowed') ?? '', /--allow security\.insecure$/);
  assert.match(hintFor('failed to load LLB: network.host is not allowed') ?? '', /--allow network\.host$/);
  assert.match(hintFor('failed to load cache key: unknown scheme git') ?? '', /install it where the daemon runs$/);
  assert.match(
    hintFor('… docker.io/docker/buildkit-syft-scanner:stable-1: no such host') ?? '',
    /--sbom generator=IMAGE$/,
  );
  assert.equal(hintFor('process "sh" did not complete successfully: exit code: 1'), undefined);
});
