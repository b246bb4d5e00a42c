import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanPath, planCopy, splitEntry, splitOperand } from './copy-paths.ts';

test('an operand names a container unless it begins like a path', () => {
  for (const [text, container, path] of [
    ['web:/etc', 'web', '/etc'],
    ['web:', 'web', ''],
    ['web:a:b', 'web', 'a:b'],
    ['/a:b', '', '/a:b'],
    ['./a:b', '', './a:b'],
    ['../a:b', '', '../a:b'],
    ['plain', '', 'plain'],
    ['-', '', '-'],
  ] as const)
    assert.deepEqual(splitOperand(text), { container, path }, text);
});

test('the end of a path is kept', () => {
  for (const [typed, absolute, expected] of [
    ['a', '/w/a', '/w/a'],
    ['a/', '/w/a/', '/w/a/'],
    ['a/.', '/w/a', '/w/a/.'],
    ['a/./', '/w/a', '/w/a/.'],
    ['.', '/w', '/w/.'],
    ['..', '/', '/'],
    ['/', '/', '/'],
    ['/.', '/', '/.'],
    ['a//b/../c', '/w/a//b/../c', '/w/a/c'],
  ] as const)
    assert.equal(cleanPath(typed, absolute), expected, typed);
});

test('directory and last part', () => {
  assert.deepEqual(splitEntry('/a/b'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/a/b/'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/a/b/.'), { directory: '/a/b', base: '.' });
  assert.deepEqual(splitEntry('/'), { directory: '/', base: '.' });
});

const side = (path: string, kind: 'file' | 'directory' | 'nothing') => ({
  path,
  exists: kind !== 'nothing',
  isDirectory: kind === 'directory',
});

test('where an archive goes and what it is called (the table of docker cp)', () => {
  for (const [source, destination, directory, name] of [
    [side('/s/f', 'file'), side('/d', 'nothing'), '/', 'd'],
    [side('/s/f', 'file'), side('/d/g', 'file'), '/d', 'g'],
    [side('/s/f', 'file'), side('/d', 'directory'), '/d', 'f'],
    [side('/s/f', 'file'), side('/d/', 'directory'), '/d/', 'f'],
    [side('/s/t', 'directory'), side('/d/n', 'nothing'), '/d', 'n'],
    [side('/s/t', 'directory'), side('/d/n/', 'nothing'), '/d', 'n'],
    [side('/s/t', 'directory'), side('/d', 'directory'), '/d', 't'],
    [side('/s/t/.', 'directory'), side('/d', 'directory'), '/d', '.'],
    [side('/s/t/.', 'directory'), side('/d/n', 'nothing'), '/d', 'n'],
    [side('/', 'directory'), side('/d', 'directory'), '/d', '.'],
  ] as const)
    assert.deepEqual(planCopy(source, destination), { directory, name }, `${source.path} ${destination.path}`);
  for (const [source, destination, message] of [
    [side('/s/f', 'file'), side('/d/', 'nothing'), 'no such directory'],
    [side('/s/f', 'file'), side('/d/.', 'nothing'), 'no such directory'],
    [side('/s/t', 'directory'), side('/d', 'file'), 'cannot copy directory'],
    [side('/s/t/.', 'directory'), side('/d', 'file'), 'cannot copy directory'],
  ] as const)
    assert.throws(() => planCopy(source, destination), { message });
});
