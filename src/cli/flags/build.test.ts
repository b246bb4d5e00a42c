import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseAttestation,
  parseAttestationOf,
  parseCache,
  parseCall,
  parseNamedContext,
  parseOutput,
  parsePair,
  parseSecret,
  parseSsh,
  parseUlimit,
  secretSource,
} from './build.ts';
import { csvFields, toCsv } from './csv.ts';

test('fields of CSV may be quoted', () => {
  assert.deepEqual(csvFields('a=b,"c=d,e","f=""g"""'), ['a=b', 'c=d,e', 'f="g"']);
  assert.throws(() => csvFields('"a'), /quote/);
  assert.deepEqual(csvFields(toCsv([['a', 'b,"c"']])), ['a=b,"c"']);
});

test('outputs', () => {
  assert.deepEqual(parseOutput('dir'), { type: 'local', destination: 'dir', attributes: {} });
  assert.deepEqual(parseOutput('-'), { type: 'tar', destination: '-', attributes: {} });
  assert.deepEqual(parseOutput('type=oci,dest=x.tar,Compression=zstd'), {
    type: 'oci',
    destination: 'x.tar',
    attributes: { compression: 'zstd' },
  });
  assert.throws(() => parseOutput('dest=x,a=b'), /type is required for output/);
  assert.throws(() => parseOutput('type=oci,x'), /invalid value x/);
});

test('caches are image names or typed', () => {
  assert.deepEqual(parseCache('a/b:c,d'), [
    { type: 'registry', attributes: { ref: 'a/b:c' } },
    { type: 'registry', attributes: { ref: 'd' } },
  ]);
  assert.deepEqual(parseCache('type=local,src=x,mode=max'), [{ type: 'local', attributes: { src: 'x', mode: 'max' } }]);
  assert.throws(() => parseCache('src=x'), /type required/);
});

test('secrets name a file or a variable, or are called like one', () => {
  const env = { A: 'a', B: 'b' };
  const source = (text: string) => secretSource(parseSecret(text), env, '/w');
  assert.deepEqual(source('id=x,src=f'), { file: '/w/f' });
  assert.deepEqual(source('id=x,env=A'), { value: Buffer.from('a') });
  assert.deepEqual(source('type=env,id=x,src=B'), { value: Buffer.from('b') });
  assert.deepEqual(source('id=A'), { value: Buffer.from('a') });
  assert.deepEqual(source('id=f'), { file: '/w/f' });
  assert.throws(() => parseSecret('src=f'), /missing id/);
  assert.throws(() => parseSecret('id=x,type=vault'), /unsupported secret type/);
  assert.throws(() => parseSecret('id=x,what=y'), /unexpected key 'what'/);
});

test('agents, contexts and limits', () => {
  assert.deepEqual(parseSsh('default'), { id: 'default', paths: [] });
  assert.deepEqual(parseSsh('x=/a,/b'), { id: 'x', paths: ['/a', '/b'] });
  assert.deepEqual(parseNamedContext('a=b=c'), ['a', 'b=c']);
  assert.throws(() => parseNamedContext('a'), /expected key=value/);
  assert.equal(parseUlimit('nofile=1'), 'nofile=1:1');
  assert.equal(parseUlimit('core=-1:2'), 'core=-1:2');
  assert.throws(() => parseUlimit('nofile'), /invalid ulimit argument/);
});

test('attestations', () => {
  assert.deepEqual(parseAttestation('type=sbom,generator=x'), { type: 'sbom', attributes: 'type=sbom,generator=x' });
  assert.deepEqual(parseAttestation('type=sbom,disabled=true'), { type: 'sbom', attributes: undefined });
  assert.throws(() => parseAttestation('generator=x'), /type not specified/);
  assert.deepEqual(parseAttestationOf('provenance')('true'), { type: 'provenance', attributes: 'type=provenance' });
  assert.deepEqual(parseAttestationOf('provenance')('false'), { type: 'provenance', attributes: undefined });
  assert.deepEqual(parseAttestationOf('provenance')('mode=max'), {
    type: 'provenance',
    attributes: 'type=provenance,mode=max',
  });
});

test('questions instead of a build', () => {
  assert.deepEqual(parseCall('check'), { name: 'lint', format: '', ignoreStatus: false });
  assert.deepEqual(parseCall('outline,format=json'), { name: 'outline', format: 'json', ignoreStatus: false });
  assert.deepEqual(parseCall('lint,ignorestatus=true'), { name: 'lint', format: '', ignoreStatus: true });
  assert.equal(parseCall('').name, 'build');
  assert.throws(() => parseCall('check,outline'), /invalid print value: check,outline/);
  assert.throws(() => parseCall('check,x=y'), /invalid print field: x=y/);
});

test('labels and arguments have a key', () => {
  assert.equal(parsePair('a='), 'a=');
  assert.equal(parsePair('a'), 'a');
  for (const text of ['', '=b']) assert.throws(() => parsePair(text), /invalid key-value pair ".*": empty key/);
});
