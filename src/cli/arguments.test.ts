import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { optionValues, readArguments } from './arguments.ts';
import { UsageError } from './errors.ts';
import { flag, flagOn, value, values } from './flags/option.ts';

function command(): Command {
  const made = new Command('x').helpOption(false).allowExcessArguments().exitOverride();
  for (const option of [
    flag('-d, --detach', ''),
    flag('-i, --interactive', ''),
    flag('-t, --tty', ''),
    flag('--rm', ''),
    flag('--no-trunc', ''),
    flagOn('--sig-proxy', ''),
    value('--name <string>', ''),
    value('-m, --memory <bytes>', '', (text) => {
      if (text !== '1g') throw new Error(`invalid size: '${text}'`);
      return 1;
    }),
    values('-e, --env <list>', ''),
    values('-p, --publish <list>', ''),
  ]) {
    made.addOption(option);
  }
  return made;
}

function read(argv: readonly string[], optionsFirst = false) {
  const made = command();
  const found = readArguments(made, argv, optionsFirst);
  return { operands: found.operands, options: optionValues(made, found), help: found.help };
}

const defaults = { trunc: true, sigProxy: true };

describe('arguments are read as docker reads them', () => {
  const cases: [name: string, argv: string[], optionsFirst: boolean, operands: string[], options: object][] = [
    ['nothing', [], false, [], {}],
    ['combined short flags', ['-it', 'a'], false, ['a'], { interactive: true, tty: true }],
    ['a value stuck to its short flag', ['-p8080:80'], false, [], { publish: ['8080:80'] }],
    ['a value after short flags', ['-itp', '80'], false, [], { interactive: true, tty: true, publish: ['80'] }],
    ['an equals sign after a short flag', ['-p=80', '-eK=V'], false, [], { publish: ['80'], env: ['K=V'] }],
    ['a long flag with an equals sign', ['--name=x=y'], false, [], { name: 'x=y' }],
    ['an empty value', ['--name='], false, [], { name: '' }],
    ['a value that begins with a dash', ['-e', '-x', '--name', '--rm'], false, [], { env: ['-x'], name: '--rm' }],
    ['the last of two values', ['--name', 'a', '--name', 'b'], false, [], { name: 'b' }],
    ['a switch turned off', ['--rm=false', '--sig-proxy=false'], false, [], { rm: false, sigProxy: false }],
    ['the last of two switches', ['--rm', '--rm=0', '-d=f', '-d'], false, [], { rm: false, detach: true }],
    ['a negative switch', ['--no-trunc'], false, [], { trunc: false }],
    ['a negative switch turned off', ['--no-trunc=false'], false, [], { trunc: true }],
    ['options after operands', ['a', '-d', 'b', '--rm'], false, ['a', 'b'], { detach: true, rm: true }],
    [
      'options of the container',
      ['-d', 'img', 'ls', '-l', '--rm'],
      true,
      ['img', 'ls', '-l', '--rm'],
      { detach: true },
    ],
    ['two dashes', ['-d', '--', '-x', '--rm'], false, ['-x', '--rm'], { detach: true }],
    ['two dashes before an image', ['--', 'img', '--', 'x'], true, ['img', '--', 'x'], {}],
    ['a single dash', ['-', '-d'], false, ['-'], { detach: true }],
    ['a parsed value', ['-m', '1g'], false, [], { memory: 1 }],
  ];
  for (const [name, argv, optionsFirst, operands, options] of cases) {
    test(name, () => {
      assert.deepEqual(read(argv, optionsFirst), { operands, options: { ...defaults, ...options }, help: false });
    });
  }
});

describe('what is wrong has docker’s sentence', () => {
  const cases: [argv: string[], message: string][] = [
    [['--foo'], 'unknown flag: --foo'],
    [['--foo=x'], 'unknown flag: --foo'],
    [['-z'], "unknown shorthand flag: 'z' in -z"],
    [['-iz'], "unknown shorthand flag: 'z' in -z"],
    [['-zi'], "unknown shorthand flag: 'z' in -zi"],
    [['--name'], 'flag needs an argument: --name'],
    [['-p'], "flag needs an argument: 'p' in -p"],
    [['-itp'], "flag needs an argument: 'p' in -p"],
    [['---'], 'bad flag syntax: ---'],
    [['--=x'], 'bad flag syntax: --=x'],
    [
      ['--detach=maybe'],
      'invalid argument "maybe" for "-d, --detach" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [['-m', 'x'], `invalid argument "x" for "-m, --memory" flag: invalid size: 'x'`],
  ];
  for (const [argv, message] of cases) {
    test(argv.join(' '), () => {
      assert.throws(
        () => read(argv),
        (error) => error instanceof UsageError && error.message === message && error.exitCode === 125,
      );
    });
  }
});

test('help is asked for by --help, and by -h where there is no other -h', () => {
  assert.equal(read(['--help']).help, true);
  assert.equal(read(['-h']).help, true);
  assert.equal(read(['img', '--help'], true).help, false);
});
