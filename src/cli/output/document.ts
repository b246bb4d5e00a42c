/**
 * A JSON document as templates see it through docker's types: which objects are maps, which nulls are lists or maps without
 * anything in them, the fields that are left out when they say nothing, and `.ID` for what JSON calls `Id`.
 */
import { isMap, KIND, type Kind, kindOf, type Value } from './template/values.ts';

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

/**
 * Fields that docker's types have and its JSON omits when they are empty (moby, api/types: `omitempty`), by where they are: `{{if
 * .State.Health}}` is no error for a container without a health check.
 */
const OMITTED: Readonly<Record<string, Readonly<Record<string, () => Value>>>> = {
  State: { Health: pointer },
  Config: {
    ArgsEscaped: () => false,
    ExposedPorts: nilMap,
    Healthcheck: pointer,
    MacAddress: () => '',
    NetworkDisabled: () => false,
    Shell: nilList,
    StopSignal: () => '',
    StopTimeout: pointer,
  },
  HostConfig: {
    Annotations: nilMap,
    Init: pointer,
    Mounts: nilList,
    StorageOpt: nilMap,
    Sysctls: nilMap,
    Tmpfs: nilMap,
  },
  Mounts: { Driver: () => '', Name: () => '', Type: () => '' },
};

/** Of a whole document, by a field that only its kind has. */
const OMITTED_AT_TOP: typeof OMITTED = {
  HostConfig: { SizeRootFs: pointer, SizeRw: pointer },
  Mountpoint: { Status: nilMap, UsageData: pointer },
};

function pointer(): Value {
  return withKind({}, 'pointer');
}

function nilMap(): Value {
  return withKind({}, 'nil');
}

function nilList(): Value {
  return withKind([], 'nil');
}

/** Marks a document in place, as docker's types have it, and returns it. */
export function toDocument(document: Value): Value {
  mark(document);
  if (isMap(document)) {
    for (const [field, omitted] of Object.entries(OMITTED_AT_TOP))
      if (Object.hasOwn(document, field)) fillIn(document, omitted);
    for (const [field, omitted] of Object.entries(OMITTED)) {
      const value = document[field];
      for (const struct of Array.isArray(value) ? value : [value]) fillIn(struct, omitted);
    }
  }
  if (isMap(document) && Object.hasOwn(document, 'Id') && !Object.hasOwn(document, 'ID')) {
    // Not enumerable: JSON and printing have the one name.
    Object.defineProperty(document, 'ID', { value: document['Id'] });
  }
  return document;
}

/** Not enumerable: JSON and printing know nothing of them. */
function fillIn(struct: Value, omitted: Readonly<Record<string, () => Value>>): void {
  if (!isMap(struct)) return;
  for (const [field, empty] of Object.entries(omitted))
    if (!Object.hasOwn(struct, field)) Object.defineProperty(struct, field, { value: empty() });
}

function mark(value: Value): void {
  if (Array.isArray(value)) value.forEach(mark);
  if (!isMap(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const kind = STRING_MAPS.has(key) ? 'strings' : MAPS.has(key) ? 'map' : undefined;
    if (item === null) {
      if (LISTS.has(key)) value[key] = withKind([], 'nil');
      else if (kind !== undefined) value[key] = withKind({}, 'nil');
      // A port that is exposed and not published has a list of none; what is null elsewhere is a pointer.
      else if (kindOf(value) === 'map') value[key] = nilList();
      else if (kindOf(value) === undefined) value[key] = pointer();
    } else {
      if (kind !== undefined && isMap(item)) withKind(item, kind);
      mark(item);
    }
  }
}

function withKind<T extends object>(value: T, kind: Kind): T {
  return Object.defineProperty(value, KIND, { value: kind });
}
