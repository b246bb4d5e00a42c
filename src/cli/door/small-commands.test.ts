import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '../list.ts';
import { isSmall } from './small-commands.ts';

test('all forms of a command are done in the same place', () => {
  for (const { words } of commands) {
    const [first, ...others] = words.map((form) => isSmall(form.split(' ')));
    for (const other of others) assert.equal(other, first, words.join(', '));
  }
});

test('what waits is done by the daemon, what streams or waits for others is not', () => {
  for (const argv of [['ps'], ['container', 'ls'], ['logs', '-f', 'x'], ['build', '.'], ['system', 'info']])
    assert.equal(isSmall(argv), true, argv.join(' '));
  for (const argv of [[], ['--help'], ['daemon'], ['pull', 'x'], ['image', 'pull', 'x'], ['image', 'load'], ['image']])
    assert.equal(isSmall(argv), false, argv.join(' '));
});

test('a build that writes a tree of files has a process of its own', () => {
  for (const line of [
    'build -o out .',
    'build -oout .',
    'build -qo out .',
    'build --output out .',
    'build --output=out .',
    'build --output type=local,dest=out .',
    'build . -o dest=out,type=local',
    'image build -o out .',
    'builder build -o "type=local",dest=out .',
    'build -o type=image -o out .',
  ])
    assert.equal(isSmall(line.split(' ')), false, line);
  for (const line of [
    'build -o - .',
    'build -o type=tar,dest=out.tar .',
    'build -o type=oci,dest=type=local.tar .',
    'build --output=type=image,push=true .',
    'build --only .',
    'build -t o .',
    'run -o x',
  ])
    assert.equal(isSmall(line.split(' ')), true, line);
});

test('what names a descriptor of its process stays there', () => {
  for (const argv of [
    ['run', '--env-file', '/dev/fd/63', 'x'],
    ['run', '--env-file=/dev/stdin', 'x'],
    ['build', '-f/dev/stdin', '.'],
    ['build', '--secret', 'id=a,src=/dev/fd/63', '.'],
    ['build', '--ssh', 'default=/proc/self/fd/3', '.'],
    ['build', '--iidfile', '/dev/stdout', '.'],
  ])
    assert.equal(isSmall(argv), false, argv.join(' '));
  for (const argv of [
    ['exec', 'x', 'sh', '-c', 'echo a >/dev/stderr'],
    ['run', '-v', '/dev/fdx:/y', 'x'],
    ['cp', 'x:/a/dev/fd', '.'],
  ])
    assert.equal(isSmall(argv), true, argv.join(' '));
});
