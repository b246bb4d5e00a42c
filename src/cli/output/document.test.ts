import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspectRenderer } from './inspect.ts';

describe('a document has docker’s types', () => {
  const text = JSON.stringify({
    Id: 'abc',
    ExecIDs: null,
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
    ['{{index .NetworkSettings.Ports "81/tcp"}}', '<no value>\n'],
    ['{{index .HostConfig.Sysctls "x"}}', '\n'],
  ];
  for (const [template, expected] of cases) {
    test(template, () => {
      const renderer = inspectRenderer(template);
      renderer.add(Buffer.from(text));
      assert.equal(renderer.end(), expected);
    });
  }

  test('JSON is as it was', () => {
    const renderer = inspectRenderer('{{json .}}');
    renderer.add(Buffer.from(text));
    assert.equal(renderer.end(), `${text}\n`);
  });
});
