import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSpec } from '../../state/spec.ts';
import type { Happening } from '../events/bus.ts';
import type { EngineContext } from './context.ts';
import { tellNetwork } from './resource-events.ts';
import { sampleRecord, sampleSpec } from './samples.ts';

const endpoint = (networkName: string): EndpointSpec => ({
  network: `id-of-${networkName}`,
  networkName,
  askedIp: '',
  askedMac: '',
  aliases: [],
  ip: '',
  mac: '',
  interface: '',
});

function told(networkMode: string, ...networks: readonly string[]): readonly (string | undefined)[] {
  const seen: Happening[] = [];
  const context = { events: { record: (event: Happening) => seen.push(event) } } as unknown as EngineContext;
  const record = sampleRecord({ spec: sampleSpec({ networkMode }), endpoints: networks.map(endpoint) });
  tellNetwork(context, record, 'connect');
  return seen.map(({ attributes }) => attributes['name']);
}

test('every network once, the default one too when it was connected to later', () => {
  assert.deepEqual(told('default', 'lan'), ['bridge', 'lan']);
  assert.deepEqual(told('lan', 'lan', 'bridge'), ['lan', 'bridge']);
  assert.deepEqual(told('none'), ['none']);
});
