import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';

const missing = (kind: string, name: string) =>
  new K3cError(Code.NOT_FOUND, `No such ${kind}: ${name}`, { remote: true });

const documents = {
  containers: {
    inspect: ({ container, size }: { container: string; size: boolean }) =>
      container === 'web'
        ? Promise.resolve({
            document: Buffer.from(
              `{"Id":"c1","Memory":9223372036854771712,"State":{"Running":true}${size ? ',"SizeRw":1' : ''}}`,
            ),
          })
        : Promise.reject(missing('container', container)),
  },
  images: {
    inspect: ({ image }: { image: string }) =>
      image === 'web' || image === 'nginx'
        ? Promise.resolve({ document: Buffer.from(`{"Id":"i-${image}","RepoTags":["nginx:latest"]}`) })
        : Promise.reject(missing('image', image)),
  },
  networks: {
    inspect: ({ network }: { network: string }) =>
      network === 'lan'
        ? Promise.resolve({ document: Buffer.from('{"Name":"lan"}') })
        : Promise.reject(missing('network', network)),
  },
  volumes: {
    inspect: ({ volume }: { volume: string }) =>
      volume === 'web' || volume === 'data'
        ? Promise.resolve({ document: Buffer.from(`{"Name":"v-${volume}","Labels":null,"Options":{"type":"nfs"}}`) })
        : Promise.reject(missing('volume', volume)),
  },
  pods: {
    inspect: ({ pod }: { pod: string }) =>
      pod === 'web' || pod === 'trio'
        ? Promise.resolve({ document: Buffer.from(`{"Id":"p-${pod}"}`) })
        : Promise.reject(missing('pod', pod)),
  },
};

describe('inspect', () => {
  const cases: [argv: string[], code: number, out: string, err: string][] = [
    [
      ['inspect', 'web'],
      0,
      `[
    {
        "Id": "c1",
        "Memory": 9223372036854771712,
        "State": {
            "Running": true
        }
    }
]
`,
      '',
    ],
    [['inspect', '-f', '{{.Id}} {{.State.Running}}', 'web'], 0, 'c1 true\n', ''],
    [['inspect', '-f', 'json', 'nginx'], 0, '[{"Id":"i-nginx","RepoTags":["nginx:latest"]}]\n', ''],
    [['inspect', '-f', '{{.Id}}', 'web', 'nginx'], 0, 'c1\ni-nginx\n', ''],
    [['inspect', '-s', '-f', '{{.SizeRw}}', 'web'], 0, '1\n', ''],
    [['inspect', '--type', 'image', '-f', '{{.Id}}', 'web'], 0, 'i-web\n', ''],
    [['image', 'inspect', '-f', '{{.Id}}', 'web'], 0, 'i-web\n', ''],
    [['inspect', '-f', '{{.Name}} {{.Options.type}} {{.Labels}}', 'data'], 0, 'v-data nfs map[]\n', ''],
    [['inspect', '--type', 'volume', '-f', '{{.Name}}', 'web'], 0, 'v-web\n', ''],
    [['volume', 'inspect', '-f', '{{.Name}}', 'web'], 0, 'v-web\n', ''],
    [['inspect', '-f', '{{.Id}}', 'trio'], 0, 'p-trio\n', ''],
    [['inspect', '--type', 'pod', '-f', '{{.Id}}', 'web'], 0, 'p-web\n', ''],
    [['pod', 'inspect', '-f', '{{.Id}}', 'web', 'trio'], 0, 'p-web\np-trio\n', ''],
    [['pod', 'inspect', 'nginx'], 1, '[]\n', 'Error response from daemon: No such pod: nginx\n'],
    [['inspect', 'nope'], 1, '[]\n', 'Error: No such object: nope\n'],
    [['inspect', '-f', '{{.Id}}', 'nope', 'web'], 1, 'c1\n', 'Error: No such object: nope\n'],
    [['container', 'inspect', 'nginx'], 1, '[]\n', 'Error response from daemon: No such container: nginx\n'],
    [
      ['inspect', '-f', '{{.Nope}}', 'web'],
      1,
      '\n',
      'template parsing error: template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"\n',
    ],
    [['inspect', '-f', '{{.Id', 'web'], 64, '', 'template parsing error: template: :1: unclosed action\n'],
    [
      ['inspect', '--type', 'plugin', 'web'],
      1,
      '',
      'unknown type: "plugin": must be one of "container", "image", "network", "volume", "pod"\n',
    ],
  ];
  for (const [argv, code, out, err] of cases) {
    test(argv.join(' '), async () => {
      const result = await cli(argv, { client: documents });
      assert.deepEqual([result.out, result.err, result.code], [out, err, code]);
    });
  }
});
