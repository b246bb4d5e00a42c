import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusOf } from '../../../../test/support/build-status.ts';
import { TextSink } from '../../../../test/support/text-sink.ts';
import { Code, K3cError } from '../../../api/errors.ts';
import { Status } from '../../../api/gen/google/rpc/status.ts';
import { fromStatusDetails } from '../../../client/build/error.ts';
import { formatExcerpt } from './excerpt.ts';
import { formatFailure } from './failure.ts';
import { RawJsonDisplay } from './rawjson.ts';
import { formatWarnings } from './warnings.ts';

const file = 'FROM a\nRUN b\nRUN c\nRUN d \\\n  e\nRUN f\n';
const excerpt = (start: number, end: number) =>
  formatExcerpt({ filename: 'Dockerfile', text: file, ranges: [{ start, end }] });

test('an excerpt shows the lines around those that are meant', () => {
  assert.equal(
    excerpt(4, 5),
    `Dockerfile:4
--------------------
   3 |     RUN c
   4 | >>> RUN d \\
   5 | >>>   e
   6 |     RUN f
--------------------
`,
  );
  assert.match(excerpt(1, 1), /^Dockerfile:1\n-+\n {3}1 \| >>> FROM a\n {3}2 \|/);
  assert.equal(excerpt(99, 99), '');
  assert.equal(formatExcerpt({ filename: 'x', text: file, ranges: [] }), '');
});

test('the details of a status name the place, once', () => {
  const source = {
    info: { filename: 'Dockerfile', data: Buffer.from(file).toString('base64') },
    ranges: [{ start: { line: 2 }, end: { line: 2 } }],
  };
  const detail = (type: string, value: unknown) => ({
    typeUrl: `github.com/moby/buildkit/${type}`,
    value: Buffer.from(JSON.stringify(value)),
  });
  const details = Status.encode(
    Status.fromPartial({
      code: 2,
      message: 'process did not complete: exit code: 1',
      details: [
        detail('errdefs.Source+json', source),
        detail('errdefs.Source+json', source),
        detail('errdefs.Vertex+json', { digest: 'sha256:1' }),
        { typeUrl: 'x/stack.Stack+json', value: Buffer.from('not json') },
      ],
    }),
  ).finish();
  const trailers = [['grpc-status-details-bin', Buffer.from(details).toString('base64').replace(/=+$/, '')]] as const;
  const error = fromStatusDetails(new K3cError(Code.UNKNOWN, 'short'), trailers);
  const text = formatFailure(error, false);
  assert.equal(text.match(/Dockerfile:2/g)?.length, 1);
  assert.match(text, />>> RUN b\n/);
  assert.match(text, /\nERROR: failed to build: failed to solve: process did not complete: exit code: 1\n$/);
  assert.equal(
    formatFailure(new K3cError(Code.NOT_FOUND, 'no', { hint: 'do' }), false),
    'ERROR: failed to build: no\nhint: do\n',
  );
  assert.equal(formatFailure(error, true), 'ERROR: failed to build: canceled\n');
});

test('warnings are listed with their lines', () => {
  const { warnings } = statusOf({
    warnings: [{ vertex: 'a', short: 'Bad (line 2)', url: 'https://x', file, line: 2 }],
  });
  const text = formatWarnings(warnings, false);
  assert.ok(text.startsWith('\n 1 warning found:\n - Bad (line 2)\n   More info: https://x\nDockerfile:2\n'), text);
  assert.equal(formatWarnings([], true), '');
});

test('rawjson has the names and omissions of the Go client', () => {
  const out = new TextSink();
  const display = new RawJsonDisplay(out);
  display.update(
    statusOf({
      vertexes: [{ digest: 'sha256:a', name: 'n', started: 0, completed: 1500 }],
      statuses: [{ vertex: 'sha256:a', id: 'i', at: 10, current: 0 }],
      logs: [{ vertex: 'sha256:a', at: 20, text: 'hi' }],
    }),
  );
  assert.deepEqual(JSON.parse(out.take()), {
    vertexes: [{ digest: 'sha256:a', name: 'n', started: '2026-01-02T03:04:05Z', completed: '2026-01-02T03:04:06.5Z' }],
    statuses: [{ id: 'i', vertex: 'sha256:a', current: 0, timestamp: '2026-01-02T03:04:05.01Z' }],
    logs: [{ vertex: 'sha256:a', stream: 1, data: 'aGk=', timestamp: '2026-01-02T03:04:05.02Z' }],
  });
});
