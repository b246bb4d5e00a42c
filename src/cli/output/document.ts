/**
 * A JSON document as templates see it through docker's types: which objects are maps, which nulls are lists or maps without
 * anything in them, and `.ID` for what JSON calls `Id`.
 */
import { isMap, KIND, type Kind, type Value } from './template/values.ts';

const STRING_MAPS = new Set(['Labels', 'Annotations', 'Sysctls', 'Tmpfs', 'Options', 'DriverOpts', 'StorageOpt']);
const MAPS = new Set(['Ports', 'PortBindings', 'ExposedPorts', 'Volumes', 'Networks']);
const LISTS = new Set([
  'Aliases',
  'Binds',
  'CapAdd',
  'CapDrop',
  'Cmd',
  'DNSNames',
  'DeviceCgroupRules',
  'DeviceRequests',
  'Entrypoint',
  'Env',
  'ExecIDs',
  'ExtraHosts',
  'GroupAdd',
  'Links',
  'MaskedPaths',
  'OnBuild',
  'ReadonlyPaths',
  'RepoDigests',
  'RepoTags',
  'SecondaryIPAddresses',
  'SecondaryIPv6Addresses',
  'SecurityOpt',
  'VolumesFrom',
]);

/** Marks a document in place, as docker's types have it, and returns it. */
export function toDocument(document: Value): Value {
  mark(document);
  if (isMap(document) && Object.hasOwn(document, 'Id') && !Object.hasOwn(document, 'ID')) {
    // Not enumerable: JSON and printing have the one name.
    Object.defineProperty(document, 'ID', { value: document['Id'] });
  }
  return document;
}

function mark(value: Value): void {
  if (Array.isArray(value)) value.forEach(mark);
  if (!isMap(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const kind = STRING_MAPS.has(key) ? 'strings' : MAPS.has(key) ? 'map' : undefined;
    if (item === null) {
      if (LISTS.has(key)) value[key] = withKind([], 'nil');
      else if (kind !== undefined) value[key] = withKind({}, 'nil');
    } else {
      if (kind !== undefined && isMap(item)) withKind(item, kind);
      mark(item);
    }
  }
}

function withKind<T extends object>(value: T, kind: Kind): T {
  return Object.defineProperty(value, KIND, { value: kind });
}
