/** `-v` and `--mount` (docker/cli volumespec and opts/mount.go). */

import { isAbsolute, normalize, resolve } from 'node:path';
import { Mount } from '../../api/gen/k3c.ts';
import { csvFields } from './csv.ts';
import { parseBytes } from './sizes.ts';

const PROPAGATIONS = ['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate'];

/**
 * Reads `-v [source:]target[:options]`. A source that begins with `/` is a path on this machine, with `.` one relative to cwd;
 * another is a volume's name, none is an anonymous volume. Options: ro, rw, a propagation, nocopy of a volume, z and Z for SELinux,
 * one of each kind. Throws Error with the reason.
 */
export function parseVolume(text: string, cwd: string): Mount {
  if (text === '') throw new Error('invalid empty volume spec');
  const parts = text.split(':');
  if (parts.length > 3) throw new Error(`invalid spec: ${text}: too many colons`);
  if (parts.some((part) => part === '')) throw new Error(`invalid spec: ${text}: empty section between colons`);
  const [first = '', second, options = ''] = parts;
  const target = second ?? first;
  if (!isAbsolute(target)) {
    throw new Error(
      `invalid volume specification: '${text}': invalid mount path: '${target}' mount path must be absolute`,
    );
  }
  if (normalize(target) === '/') {
    throw new Error(`invalid volume specification: '${text}': invalid specification: destination can't be '/'`);
  }
  const source = second === undefined ? '' : localSource(first, cwd);
  const mount = Mount.fromPartial({
    type: isAbsolute(source) ? 'bind' : 'volume',
    source,
    target: withoutSlash(normalize(target)),
  });
  if (mount.type === 'volume' && source !== '') checkVolumeName(source);
  const given = options === '' ? [] : options.split(',');
  for (const option of given) applyOption(mount, option, text);
  if (KINDS.some((kind) => given.filter((option) => kind.includes(option)).length > 1))
    throw new Error(`invalid volume specification: '${text}': invalid mode: ${options}`);
  return mount;
}

/** docker takes one option of each (moby, volume/mounts/linux_parser.go). */
const KINDS = [['ro', 'rw'], ['z', 'Z'], PROPAGATIONS, ['nocopy'], ['consistent', 'cached', 'delegated']];

function localSource(source: string, cwd: string): string {
  if (isAbsolute(source)) return withoutSlash(normalize(source));
  return source.startsWith('.') ? resolve(cwd, source) : source;
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw new Error('volume name is too short, names should be at least two alphanumeric characters');
  }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw new Error(
      `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
}

function applyOption(mount: Mount, option: string, text: string): void {
  if (option === 'ro') mount.readOnly = true;
  else if (option === 'rw') mount.readOnly = false;
  else if (PROPAGATIONS.includes(option)) setPropagation(mount, option);
  else if (option === 'z' || option === 'Z') mount.relabel = true;
  else if (option === 'nocopy' && mount.type === 'volume') mount.noCopy = true;
  // What docker's file systems on other machines need, and Linux does not.
  else if (!['consistent', 'cached', 'delegated'].includes(option))
    throw new Error(`invalid volume specification: '${text}': invalid mode: ${option}`);
}

function setPropagation(mount: Mount, propagation: string): void {
  if (mount.type !== 'bind')
    throw new Error(`cannot mix propagation '${propagation}' with a mount of type '${mount.type}'`);
  mount.propagation = propagation;
}

/** Reads `--mount type=bind,source=…,target=…`; keys and aliases are docker's. Throws Error with docker's sentences. */
export function parseMount(text: string, cwd: string): Mount {
  const mount = Mount.fromPartial({ type: 'volume' });
  const only = new Map<string, string>();
  let propagation: string | undefined;
  let createSource = false;
  const tmpfs: string[] = [];
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    // A path that ends in a space is another path than the one without.
    if (key.trim() !== key)
      throw new Error(`invalid option '${key.trim()}' in '${field}': option should not have whitespace`);
    if (value !== undefined && value.trim() !== value)
      throw new Error(`invalid value for '${key}' in '${field}': value should not have whitespace`);
    if (/^(bind|volume|tmpfs)-/.test(key)) only.set(key.slice(0, key.indexOf('-')), key);
    if (key === 'readonly' || key === 'ro') {
      mount.readOnly = value === undefined || boolean(key, value);
      continue;
    }
    if (key === 'volume-nocopy') {
      mount.noCopy = value === undefined || boolean(key, value);
      continue;
    }
    if (key === 'bind-create-src') {
      createSource = value === undefined || boolean(key, value);
      continue;
    }
    if (key === 'bind-nonrecursive')
      throw new Error('bind-nonrecursive is deprecated, use bind-recursive=disabled instead');
    if (value === undefined) throw new Error(`invalid field '${field}' must be a key=value pair`);
    if (key === 'type') mount.type = mountType(value);
    else if (key === 'source' || key === 'src') mount.source = value;
    else if (key === 'target' || key === 'dst' || key === 'destination') mount.target = value;
    else if (key === 'volume-subpath') mount.volumeSubpath = value;
    else if (key === 'volume-driver') mount.volumeDriver = value;
    else if (key === 'volume-opt') addPair(mount.volumeOptions, value);
    else if (key === 'volume-label') addPair(mount.volumeLabels, value);
    else if (key === 'bind-recursive') mount.bindRecursive = recursion(key, value);
    else if (key === 'bind-propagation') propagation = value.toLowerCase();
    else if (key === 'tmpfs-size') tmpfs.push(`size=${size(key, value)}`);
    else if (key === 'tmpfs-mode') tmpfs.push(`mode=${mode(key, value)}`);
    // For docker on other machines than Linux.
    else if (key !== 'consistency') throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  mount.tmpfsOptions = tmpfs.join(',');
  for (const [type, key] of only)
    if (type !== mount.type) throw new Error(`cannot mix '${key}' with mount type '${mount.type}'`);
  if (mount.target === '') throw new Error('target is required');
  if (!isAbsolute(mount.target)) throw new Error(`invalid mount path: '${mount.target}' mount path must be absolute`);
  if (mount.type === 'bind') {
    if (mount.source === '') throw new Error('source is required for a bind mount');
    mount.source = resolve(cwd, mount.source);
    mount.mustExist = !createSource;
  }
  if (mount.type === 'tmpfs' && mount.source !== '') throw new Error('a tmpfs mount takes no source');
  if (mount.type === 'volume' && mount.source !== '') checkVolumeName(mount.source);
  if (mount.type === 'volume' && mount.source === '' && mount.readOnly)
    throw new Error('must not set ReadOnly mode when using anonymous volumes');
  if (mount.type === 'volume' && mount.source === '' && mount.volumeSubpath !== '')
    throw new Error('must not set Subpath when using anonymous volumes');
  if (propagation !== undefined) {
    if (!PROPAGATIONS.includes(propagation)) throw new Error(`invalid propagation: '${propagation}'`);
    setPropagation(mount, propagation);
  }
  if (mount.bindRecursive === 'readonly' && !mount.readOnly)
    throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  if (mount.bindRecursive === 'readonly' && mount.propagation !== 'rprivate')
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  return mount;
}

/** One more `key=value`; docker takes a bare key for one with an empty value. */
function addPair(map: Record<string, string>, text: string): void {
  const equals = text.indexOf('=');
  map[equals < 0 ? text : text.slice(0, equals)] = equals < 0 ? '' : text.slice(equals + 1);
}

function recursion(key: string, value: string): string {
  if (['enabled', 'disabled', 'writable', 'readonly'].includes(value)) return value;
  throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
}

/** Reads `--tmpfs PATH[:OPTIONS]`, the options being those of mount(8). Throws Error with docker's sentences. */
export function parseTmpfs(text: string): Mount {
  const [target = '', options = '', ...more] = text.split(':');
  if (more.length > 0) throw new Error(`invalid spec: ${text}: too many colons`);
  if (!isAbsolute(target)) throw new Error(`invalid mount path: '${target}' mount path must be absolute`);
  for (const option of options === '' ? [] : options.split(','))
    if (!TMPFS_OPTION.test(option)) throw new Error(`invalid tmpfs option ${JSON.stringify(option)}`);
  return Mount.fromPartial({ type: 'tmpfs', target: withoutSlash(normalize(target)), tmpfsOptions: options });
}

/** What moby's mount.MergeTmpfsOptions takes. */
const TMPFS_OPTION =
  /^(ro|rw|exec|noexec|suid|nosuid|dev|nodev|sync|async|dirsync|remount|mand|nomand|atime|noatime|diratime|nodiratime|bind|rbind|r?private|r?shared|r?slave|r?unbindable|relatime|norelatime|strictatime|nostrictatime|defaults|(size|mode|uid|gid|nr_inodes|nr_blocks|mpol)=.+)$/;

function size(key: string, value: string): bigint {
  try {
    return parseBytes(value);
  } catch {
    // docker names the key and not the reason.
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

/** Octal, as chmod takes it. */
function mode(key: string, value: string): string {
  if (!/^[0-7]{1,5}$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
  return value;
}

/** Checks one `--mount` while the command line is read. Throws as parseMount does. */
export function checkMount(text: string): string {
  parseMount(text, '/');
  return text;
}

function mountType(value: string): string {
  const type = value.toLowerCase();
  if (!['bind', 'volume', 'tmpfs'].includes(type))
    throw new Error(`invalid mount config for type ${JSON.stringify(value)}: mount type unknown`);
  return type;
}

function boolean(key: string, value: string): boolean {
  if (['1', 't', 'true'].includes(value.toLowerCase())) return true;
  if (['0', 'f', 'false'].includes(value.toLowerCase())) return false;
  throw new Error(`invalid value for '${key}': invalid boolean value (${JSON.stringify(value)})`);
}
