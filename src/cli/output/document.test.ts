import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspectRenderer } from './inspect.ts';

const MOUNTS = [
  { Type: 'volume', Name: 'v', Driver: 'local' },
  { Type: 'bind', Source: '/a' },
];

describe('a document has docker’s types', () => {
  const text = JSON.stringify({
    Id: 'abc',
    ExecIDs: null,
    State: { Status: 'running' },
    Mounts: MOUNTS,
    Config: { Entrypoint: null, Volumes: null, Labels: { a: '1' } },
    HostConfig: { CapAdd: null, PidsLimit: null, Sysctls: {} },
    NetworkSettings: { Ports: { '80/tcp': null } },
  });
  const cases: [template: string, expected: string][] = [
    ['{{.ID}} {{.Id}}', 'abc abc\n'],
    ['{{.Config.Entrypoint}} {{.Config.Volumes}} {{.HostConfig.CapAdd}}', '[] map[] []\n'],
    ['{{json .Config.Entrypoint}} {{json .Config.Volumes}}', 'null null\n'],
    ['{{len .HostConfig.CapAdd}}{{range .ExecIDs}}x{{else}} none{{end}}', '0 none\n'],
    ['{{if .HostConfig.CapAdd}}x{{end}}', '\n'],
    ['{{.Config.Labels.zz}}|{{index .Config.Labels "zz"}}', '<no value>|\n'],
    ['{{index .NetworkSettings.Ports "80/tcp"}} {{json .NetworkSettings.Ports}}', '[] {"80/tcp":null}\n'],
    ['{{index .NetworkSettings.Ports "81/tcp"}}', '<no value>\n'],
    ['{{index .HostConfig.Sysctls "x"}}', '\n'],
    [
      '{{.HostConfig.PidsLimit}} {{json .HostConfig.PidsLimit}} {{printf "%v" .HostConfig.PidsLimit}}',
      '<nil> null <nil>\n',
    ],
    ['{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.Health}}', 'none <nil>\n'],
    [
      '{{.Config.StopSignal}}|{{.Config.ExposedPorts}}|{{range $p, $x := .Config.ExposedPorts}}{{$p}}{{end}}',
      '|map[]|\n',
    ],
    ['{{.Config.Shell}} {{.HostConfig.Mounts}} {{.HostConfig.Tmpfs}} {{.HostConfig.Init}}', '[] [] map[] <nil>\n'],
    ['{{range .Mounts}}{{.Type}} {{.Name}} {{.Driver}};{{end}}', 'volume v local;bind  ;\n'],
    ['{{.SizeRw}} {{json .Mounts}}', `<nil> ${JSON.stringify(MOUNTS)}\n`],
  ];
  for (const [template, expected] of cases) {
    test(template, () => {
      const renderer = inspectRenderer(template);
      renderer.add(Buffer.from(text));
      assert.equal(renderer.end(), expected);
    });
  }

  test('a field that docker does not know stays an error, and so does one of what is not there', () => {
    for (const template of [
      '{{.State.Nope}}',
      '{{range .Mounts}}{{.Nope}}{{end}}',
      '{{.State.Health.Status}}',
      '{{.Status}}',
    ])
      assert.throws(() => inspectRenderer(template).add(Buffer.from(text)), /template parsing error/, template);
  });

  test('a volume', () => {
    const renderer = inspectRenderer('{{.Status}} {{.UsageData}} {{.Labels}}');
    renderer.add(Buffer.from(JSON.stringify({ Name: 'v', Mountpoint: '/v', Labels: null })));
    assert.equal(renderer.end(), 'map[] <nil> map[]\n');
  });

  test('JSON is as it was', () => {
    const renderer = inspectRenderer('{{json .}}');
    renderer.add(Buffer.from(text));
    assert.equal(renderer.end(), `${text}\n`);
  });
});
