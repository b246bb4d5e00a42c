import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileTemplate, TemplateError } from './template.ts';
import { fromJson, toJson } from './values.ts';

const value = {
  ID: 'abcdef',
  Name: '/web',
  Empty: '',
  Zero: 0,
  Big: 9223372036854771712n,
  Ratio: 0.5,
  On: true,
  Nothing: null,
  List: ['x', 'y', 'z'],
  None: [],
  Config: { Env: ['A=1', 'B=2'], Labels: { 'com.a': '1', b: '2' }, Cmd: null },
  State: { Paused: false, Running: true, ExitCode: 137, Status: 'running' },
  Mounts: [
    { Source: '/a', Destination: '/b', RW: true },
    { Source: '/c', Destination: '/d', RW: false },
  ],
  Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '90/udp': null },
  Label: (key: unknown) => ({ a: 'one' })[String(key)] ?? '',
};

describe('a template gives what docker gives', () => {
  const cases: [template: string, expected: string][] = [
    ['plain', 'plain'],
    ['{{.ID}}', 'abcdef'],
    ['{{ .ID }}-{{ .Name }}', 'abcdef-/web'],
    ['a {{- .ID -}} b', 'aabcdefb'],
    ['a\n {{- /* c */ -}} \nb', 'ab'],
    ['{{/* comment */}}x', 'x'],
    ['{{.State.ExitCode}}', '137'],
    ['{{.Big}} {{.Ratio}} {{.On}}', '9223372036854771712 0.5 true'],
    ['{{.Nothing}}', '<no value>'],
    ['{{.List}} {{.None}}', '[x y z] []'],
    ['{{.Config.Labels}}', 'map[b:2 com.a:1]'],
    ['{{.Ports}}', 'map[80/tcp:[map[HostIp:0.0.0.0 HostPort:8080]] 90/udp:<nil>]'],
    ['{{json .List}} {{json .Nothing}} {{json .Name}}', '["x","y","z"] null "/web"'],
    ['{{json .State}}', '{"Paused":false,"Running":true,"ExitCode":137,"Status":"running"}'],
    ['{{json .Big}}', '9223372036854771712'],
    ['{{range .List}}{{.}},{{end}}', 'x,y,z,'],
    ['{{range $i, $e := .List}}{{$i}}={{$e}} {{end}}', '0=x 1=y 2=z '],
    ['{{range $e := .List}}{{$e}}{{$.ID}} {{end}}', 'xabcdef yabcdef zabcdef '],
    ['{{range .None}}x{{else}}none{{end}}', 'none'],
    ['{{range .Nothing}}x{{else}}none{{end}}', 'none'],
    ['{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}};{{end}}', 'b:2;com.a:1;'],
    ['{{range .Mounts}}{{.Source}}:{{.Destination}}{{if not .RW}} ro{{end}}\n{{end}}', '/a:/b\n/c:/d ro\n'],
    ['{{range .List}}{{if eq . "y"}}{{break}}{{end}}{{.}}{{end}}', 'x'],
    ['{{range .List}}{{if eq . "y"}}{{continue}}{{end}}{{.}}{{end}}', 'xz'],
    ['{{range 3}}{{.}}{{end}}', '012'],
    ['{{range $p, $conf := .Ports}}{{$p}}->{{range $conf}}{{.HostPort}}{{end}} {{end}}', '80/tcp->8080 90/udp-> '],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{index .Config.Labels "com.a"}}', '1'],
    ['{{index .Config.Labels "nope"}}', ''],
    ['{{index .List 1}} {{index .Mounts 0 "Source"}}', 'y /a'],
    ['{{if .On}}a{{else}}b{{end}}', 'a'],
    ['{{if .Zero}}a{{else if .Empty}}b{{else}}c{{end}}', 'c'],
    ['{{if and .On .ID}}{{or .Empty .Zero "last"}}{{end}}', 'last'],
    ['{{or .On .Missing}}', 'true'],
    ['{{with .State}}{{.Status}}{{end}}', 'running'],
    ['{{with .Empty}}x{{else}}{{.ID}}{{end}}', 'abcdef'],
    ['{{with $s := .State}}{{$s.ExitCode}}{{end}}', '137'],
    ['{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}', '2'],
    ['{{$x := 1}}{{if .On}}{{$x := 2}}{{$x}}{{end}}{{$x}}', '21'],
    ['{{eq .ID "abcdef"}} {{eq .State.ExitCode 1 137}} {{ne .ID "x"}}', 'true true true'],
    ['{{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}}', 'true true true false'],
    ['{{eq .Nothing nil}}', 'true'],
    ['{{not .On}}', 'false'],
    ['{{len .ID}} {{len .List}} {{len .Config.Labels}}', '6 3 2'],
    ['{{upper .ID}} {{lower "ABC"}} {{title "a bc"}}', 'ABCDEF abc A Bc'],
    ['{{join .List ", "}} {{join .Config.Env " "}}', 'x, y, z A=1 B=2'],
    ['{{split "a:b:c" ":"}} {{index (split "a:b" ":") 1}}', '[a b c] b'],
    ['{{pad .ID 1 2}}|{{pad .Empty 1 2}}|{{truncate .ID 3}}', ' abcdef  ||abc'],
    ['{{.ID | upper | printf "%s!"}}', 'ABCDEF!'],
    [
      '{{printf "%-8s|%3d|%q|%v|%t|%.2f|%05d|%x%%" .ID 7 .Name .List .On .Ratio 42 255}}',
      'abcdef  |  7|"/web"|[x y z]|true|0.50|00042|ff%',
    ],
    ['{{printf "%d %s" 3}}', '3 %!s(MISSING)'],
    ['{{print 1 2 "a" 3}}{{println .ID 1}}', '1 2a3abcdef 1\n'],
    ['{{slice .ID 1 3}} {{slice .List 1}}', 'bc [y z]'],
    ['{{"quoted \\"x\\"\\n"}}{{`raw \\n`}}{{\'a\'}}', 'quoted "x"\nraw \\n97'],
    ['{{1.5}} {{0x10}} {{-3}} {{true}}', '1.5 16 -3 true'],
    ['{{title "a-b c_d /e é"}}', 'A-B C_d /E É'],
    ['{{truncate "äöü" 4}}|{{truncate "ab" 9}}|{{pad "" 1 1}}', 'äö|ab|'],
    ['{{printf "%x %X %o %b %c %U %#x %O" 255 255 8 5 65 65 255 8}}', 'ff FF 10 101 A U+0041 0xff 0o10'],
    ['{{printf "%5d|%-5d|%05d|%+d|% d" 42 42 42 42 42}}', '   42|42   |00042|+42| 42'],
    ['{{printf "%5s|%-5s|%.2s" "abc" "abc" "abc"}}', '  abc|abc  |ab'],
    ['{{printf "%f %.2f %e %g %G" 1.5 1.5 1.5 1.5 1.5}}', '1.500000 1.50 1.500000e+00 1.5 1.5'],
    ['{{printf "%.0f %.0f %.1f %.2f" 2.5 3.5 0.25 -0.5}}', '2 4 0.2 -0.50'],
    ['{{printf "%g %.3g %.9g" 123456789.5 1234.5 0.5}}', '1.234567895e+08 1.23e+03 0.5'],
    ['{{printf "%x % x %#v" "hello" "hi" "a"}}', '68656c6c6f 68 69 "a"'],
    ['{{printf "%*d %[2]d %[1]d" 5 42}}', '   42 42 5'],
    ['{{printf "%s %d %z" 5 "x" 1}}', '%!s(int=5) %!d(string=x) %!z(int=1)'],
    ['{{printf "%d" 1 2}}', '1%!(EXTRA int=2)'],
    ['{{printf "%q %s %v" .List .List .State.Running}}', '["x" "y" "z"] [x y z] true'],
    ['{{printf "%T %T %T" .ID .Zero .On}}', 'string int bool'],
    ['{{printf "%v" nil}} {{print nil}}', '<nil> <nil>'],
    [
      '{{1500000.5}} {{0.00001}} {{1e3}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{+5}}',
      '1.5000005e+06 1e-05 1000 3 15 15 1000 5',
    ],
    ['{{js "it\'s \\"x\\" <a>\\n"}}', 'it\\\'s \\"x\\" \\u003Ca\\u003E\\u000A'],
    ['{{define "x"}}hello {{.}}{{end}}{{template "x" .ID}}', 'hello abcdef'],
    ['{{define "x"}}hi{{end}}{{template "x"}}', 'hi'],
    ['{{block "b" .ID}}[{{.}}{{$}}]{{end}}', '[abcdefabcdef]'],
    ['{{with .Nothing}}x{{else with .ID}}{{.}}{{end}}', 'abcdef'],
    ['{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{$e}}{{end}}', 'A=1,B=2'],
    ['{{if and (eq .State.Status "running") (not .State.Paused)}}yes{{end}}', 'yes'],
    ['{{(index .Mounts 0).Source}} {{with index .Mounts 1}}{{.Source}}{{end}}', '/a /c'],
    ['{{ 1 | eq 1 }} {{.ID | len}} {{(len .ID) | printf "%d"}}', 'true 6 6'],
    ['a  {{- " b " -}}  c', 'a b c'],
    ['{{len .Config.Cmd}} {{join .Config.Cmd ","}}', '0 '],
    ['{{html "<a>"}} {{urlquery "a b&c"}}', '&lt;a&gt; a+b%26c'],
  ];
  for (const [template, expected] of cases) {
    test(JSON.stringify(template), () => assert.equal(compileTemplate(template).execute(value), expected));
  }
});

describe('what is wrong has Go’s sentence', () => {
  const cases: [template: string, message: string][] = [
    ['{{.ID', 'template: :1: unclosed action'],
    ['a\n{{foo}}', 'template: :2: function "foo" not defined'],
    ['{{if .ID}}', 'template: :1: unexpected EOF'],
    ['{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{$x}}', 'template: :1: undefined variable "$x"'],
    ['{{break}}', 'template: :1: {{break}} outside {{range}}'],
    ['{{}}', 'template: :1: missing value for command'],
    ['{{.ID | "x"}}', 'template: :1: non executable command in pipeline stage 2'],
    ['{{(.ID}}', 'template: :1: unclosed left paren'],
    ['{{.ID)}}', 'template: :1: unexpected right paren'],
    ['{{"x}}', 'template: :1: unterminated quoted string'],
    ['{{upper}}', 'template: :1:2: executing "" at <upper>: wrong number of args for upper: want 1 got 0'],
    ['{{.ID | upper lower}}', 'template: :1:8: executing "" at <upper>: wrong number of args for upper: want 1 got 2'],
    ['{{eq}}', 'template: :1:2: executing "" at <eq>: wrong number of args for eq: want at least 1 got 0'],
    ['{{eq 1}}', 'template: :1:2: executing "" at <eq 1>: error calling eq: missing argument for comparison'],
    ['{{and}}', 'template: :1:2: executing "" at <and>: wrong number of args for and: want at least 1 got 0'],
    ['{{upper 1}}', 'template: :1:8: executing "" at <1>: expected string; found 1'],
    ['{{truncate "abc" "x"}}', 'template: :1:17: executing "" at <"x">: expected integer; found "x"'],
    ['{{join .ID ","}}', 'template: :1:7: executing "" at <.ID>: wrong type for value; expected []string; got string'],
    [
      '{{truncate "abc" -1}}',
      'template: :1:2: executing "" at <truncate "abc" -1>: error calling truncate: runtime error: slice bounds out of range [:-1]',
    ],
    [
      '{{index .List 9}}',
      'template: :1:2: executing "" at <index .List 9>: error calling index: index out of range: 9',
    ],
    ['{{index nil 1}}', 'template: :1:2: executing "" at <index nil 1>: error calling index: index of untyped nil'],
    [
      '{{index .Ports "90/udp" 0}}',
      'template: :1:2: executing "" at <index .Ports "90/udp" 0>: error calling index: index of nil pointer',
    ],
    [
      '{{eq .List .List}}',
      'template: :1:2: executing "" at <eq .List .List>: error calling eq: non-comparable type [x y z]: []interface {}',
    ],
    ['{{lt 1 "a"}}', 'template: :1:2: executing "" at <lt 1 "a">: error calling lt: incompatible types for comparison'],
    [
      '{{lt true false}}',
      'template: :1:2: executing "" at <lt true false>: error calling lt: invalid type for comparison',
    ],
    ['{{template "nope"}}', 'template: :1:11: executing "" at <{{template "nope"}}>: template "nope" not defined'],
    [
      '{{define "x"}}{{.Nope}}{{end}}{{template "x" .}}',
      'template: :1:16: executing "x" at <.Nope>: map has no entry for key "Nope"',
    ],
    ['{{.ID}', "template: :1: bad character U+007D '}'"],
    ['{{.I-D}}', "template: :1: bad character U+002D '-'"],
    ["{{'ab'}}", "template: :1: malformed character constant: 'ab'"],
    ["{{''}}", 'template: :1: invalid syntax'],
    ['{{#}}', 'template: :1: unexpected "#" in command'],
    ['{{1a}}', 'template: :1: bad number syntax: "1a"'],
    ['{{if .ID}}{{else foo}}{{end}}', 'template: :1: unexpected "foo" in else'],
    [
      '{{slice "abc" 2 1}}',
      'template: :1:2: executing "" at <slice "abc" 2 1>: error calling slice: invalid slice index: 2 > 1',
    ],
    ['{{|}}', 'template: :1: unexpected "|" in command'],
    ['{{$a, $b := .ID}}', 'template: :1: too many declarations in command'],
    ['{{range $a, $b, $c := .List}}{{end}}', 'template: :1: too many declarations in range'],
    ['{{range .ID}}{{end}}', 'template: :1:8: executing "" at <.ID>: range can\'t iterate over abcdef'],
    ['{{/* a', 'template: :1: unclosed comment'],
    ['{{nil}}', 'template: :1:2: executing "" at <nil>: nil is not a command'],
    ['{{.Nope}}', 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
    ['x\n {{.State.Nope}}', 'template: :2:9: executing "" at <.State.Nope>: map has no entry for key "Nope"'],
    ['{{ .ID.Foo }}', 'template: :1:6: executing "" at <.ID.Foo>: can\'t evaluate field Foo in type interface {}'],
    ['{{.Nothing.A}}', 'template: :1:10: executing "" at <.Nothing.A>: nil pointer evaluating interface {}.A'],
    [
      '{{index .List 5}}',
      'template: :1:2: executing "" at <index .List 5>: error calling index: index out of range: 5',
    ],
    ['{{len 3}}', 'template: :1:2: executing "" at <len 3>: error calling len: len of type int'],
    ['{{eq .ID 1}}', 'template: :1:2: executing "" at <eq .ID 1>: error calling eq: incompatible types for comparison'],
    ['{{.ID 1}}', 'template: :1:2: executing "" at <.ID>: ID is not a method but has arguments'],
  ];
  for (const [template, message] of cases) {
    test(JSON.stringify(template), () => {
      assert.throws(
        () => compileTemplate(template).execute(value),
        (error) => error instanceof TemplateError && error.message === message,
        message,
      );
    });
  }
});

describe('a row of a list is a struct with methods', () => {
  const row = { ID: 'abc', Label: (key: unknown) => (key === 'a' ? 'one' : '') };
  const run = (template: string) => compileTemplate(template).execute(row, { typeName: '*formatter.ContainerContext' });
  test('methods are called', () => assert.equal(run('{{.Label "a"}}{{.Label "z"}}{{"a" | .Label}}'), 'oneone'));
  const cases: [template: string, message: string][] = [
    ['{{.Foo}}', `<.Foo>: can't evaluate field Foo in type *formatter.ContainerContext`],
    ['{{.ID.Foo}}', `<.ID.Foo>: can't evaluate field Foo in type string`],
    ['{{.ID 1}}', '<.ID>: wrong number of args for ID: want 0 got 1'],
    ['{{.Label}}', '<.Label>: wrong number of args for Label: want 1 got 0'],
    ['{{.Label 1}}', '<1>: expected string; found 1'],
  ];
  for (const [template, message] of cases) {
    test(template, () =>
      assert.throws(
        () => run(template),
        (error) => error instanceof TemplateError && error.message.endsWith(message),
      ),
    );
  }
});

test('a struct is named where a field is missing', () => {
  assert.throws(() => compileTemplate('{{.Foo}}').execute({ A: 1 }, { typeName: '*formatter.ContainerContext' }), {
    message: `template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type *formatter.ContainerContext`,
  });
});

test('JSON keeps integers of any size', () => {
  const text = '{"Memory":9223372036854771712,"Small":1,"Half":0.5,"Deep":[{"Id":18446744073709551615}]}';
  assert.equal(toJson(fromJson(text)), text);
  assert.equal(
    toJson({ a: [], b: {}, c: [1, { d: null }] }, '  '),
    '{\n  "a": [],\n  "b": {},\n  "c": [\n    1,\n    {\n      "d": null\n    }\n  ]\n}',
  );
});
