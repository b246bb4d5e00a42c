import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ListForm, renderList } from './rows.ts';

interface Item {
  readonly name: string;
  readonly count: number;
}

const form: ListForm<Item> = {
  typeName: '*formatter.Item',
  quiet: '{{.Name}}',
  table: '{{.Name}}\t{{.Count}}',
  fields: {
    Name: { heading: 'NAME', value: (item) => item.name },
    Count: { heading: 'COUNT', value: (item) => item.count },
    Label: {
      heading: (key) => `LABEL of ${String(key)}`,
      value: (item) => (key: unknown) => `${item.name}.${String(key)}`,
      method: true,
    },
  },
};
const items = [
  { name: 'one', count: 1 },
  { name: 'zwölf', count: 12 },
];

test('bare fields and what needs the interpreter say the same', () => {
  for (const [bare, other] of [
    ['{{.Name}}', '{{ .Name }}'],
    ['<{{.Name}}>{{.Count}}', '<{{ .Name }}>{{ .Count }}'],
    ['table {{.Name}}\\t{{.Name}}', 'table {{ .Name }}\\t{{ .Name }}'],
  ] as const) {
    assert.equal(renderList(items, form, { format: bare }), renderList(items, form, { format: other }), bare);
  }
  assert.equal(renderList(items, form, { format: '<{{.Name}}>' }), '<one>\n<zwölf>\n');
  assert.equal(renderList(items, form, {}), 'NAME      COUNT\none       1\nzwölf     12\n');
  assert.equal(renderList(items, form, { quiet: true }), 'one\nzwölf\n');
});

test('a field that is none, a method without its argument and a brace alone have their errors still', () => {
  for (const format of ['{{.Nosuch}}', '{{.Label}}', '{{.Name}}{{']) {
    assert.throws(() => renderList(items, form, { format }), /template/, format);
  }
  assert.equal(renderList(items, form, { format: '{{.Label "a"}} {{.Name}}' }), 'one.a one\nzwölf.a zwölf\n');
  assert.equal(renderList(items, form, { format: 'table {{.Label "a"}}' }), 'LABEL of a\none.a\nzwölf.a\n');
});
