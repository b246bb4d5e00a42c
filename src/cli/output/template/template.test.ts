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
  State: { Running: true, ExitCode: 137, Status: 'running' },
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
    ['{{json .State}}', '{"Running":true,"ExitCode":137,"Status":"running"}'],
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
    ['{{.Label "a"}}{{.Label "z"}}', 'one'],
    ['{{html "<a>"}} {{urlquery "a b&c"}}', '&#60;a&#62; a+b%26c'],
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
    ['{{define "x"}}{{end}}', 'template: :1: {{define}} is not supported'],
    ['{{nil}}', 'template: :1:2: executing "" at <nil>: nil is not a command'],
    ['{{.Nope}}', 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
    ['x\n {{.State.Nope}}', 'template: :2:9: executing "" at <.State.Nope>: map has no entry for key "Nope"'],
    ['{{ .ID.Foo }}', 'template: :1:6: executing "" at <.ID.Foo>: can\'t evaluate field Foo in type string'],
    ['{{.Nothing.A}}', 'template: :1:10: executing "" at <.Nothing.A>: nil pointer evaluating interface {}.A'],
    [
      '{{index .List 5}}',
      'template: :1:2: executing "" at <index .List 5>: error calling index: index out of range: 5',
    ],
    ['{{len 3}}', 'template: :1:2: executing "" at <len 3>: error calling len: len of type int'],
    ['{{eq .ID 1}}', 'template: :1:2: executing "" at <eq .ID 1>: error calling eq: incompatible types for comparison'],
    ['{{.ID 1}}', 'template: :1:2: executing "" at <.ID>: ID has arguments but cannot be invoked as function'],
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
