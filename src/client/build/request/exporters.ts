/** Outputs as BuildKit's exporters, with the client's end of those that are written on this side. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { formatReference, normalize, parseReference, UNNAMED_REPOSITORY } from '../../../api/reference.ts';
import type { Descriptor, ImageLayout } from '../content/layout.ts';
import type { ClientOutput } from '../session/file-send.ts';
import type { ExporterResponse, TypedAttributes } from '../solve.ts';
import type { BuildHost, BuildOptions, OutputOption } from './options.ts';
import { pathSink, streamSink } from './sinks.ts';

export interface Exporter extends TypedAttributes {
  readonly output?: ClientOutput | undefined;
}

export interface PreparedOutputs {
  readonly exporters: readonly Exporter[];
  /** The layout of an OCI output that is not packed, by the id of its store. */
  readonly layouts: ReadonlyMap<string, ImageLayout>;
  finish(response: ExporterResponse): Promise<void>;
}

/**
 * What new layers are compressed with: packing /usr of a Debian (550 MB) took 4.1 s with gzip, 1.1 s with zstd, 1.0 s with none, and
 * every registry of the OCI distribution specification takes zstd. Layers that exist already stay as they are.
 */
const COMPRESSION = 'zstd';

/** The id BuildKit writes an unpacked output to; so there can be one of them. */
const EXPORT_STORE = 'export';

/**
 * The attributes of an output, a `name=` in it (one, or several with commas) as the image store records it; `*` means
 * the names that the frontend gives.
 */
function namedAttributes({ attributes }: OutputOption): Record<string, string> {
  const { name, ...others } = attributes;
  if (name === undefined || name === '') return others;
  return {
    ...others,
    name: name
      .split(',')
      .map((each) => (each === '*' ? each : tagName(each)))
      .join(','),
  };
}

/** The exporters of a build; without `-o`, an image in the store, unpacked, so that it can be run the moment build returns. */
export async function exportersOf(options: BuildOptions, host: BuildHost): Promise<PreparedOutputs> {
  const names = options.tags.map(tagName);
  const outputs: readonly OutputOption[] =
    options.outputs.length > 0 ? options.outputs : [{ type: 'image', destination: '', attributes: {} }];
  const exporters = outputs.flatMap((output) => exporterOf(output, names, options, host) ?? []);
  if (options.push && !exporters.some(({ type, attributes }) => type === 'image' && attributes['push'] === 'true')) {
    throw new K3cError(Code.INVALID_ARGUMENT, '--push needs an image among the outputs');
  }
  const directories = outputs.filter(isUnpacked).map(({ destination }) => destination);
  const [directory] = directories;
  if (directories.length > 1) throw new K3cError(Code.INVALID_ARGUMENT, 'only one output can be unpacked (tar=false)');
  if (directory === undefined) return { exporters, layouts: new Map(), finish: async () => undefined };
  if (directory === '' || directory === '-') {
    throw new K3cError(Code.INVALID_ARGUMENT, 'an unpacked output (tar=false) needs dest=DIRECTORY');
  }
  // Loaded only when needed: it brings node:crypto with it.
  const { ImageLayout: Layout } = await import('../content/layout.ts');
  const layout = new Layout(resolve(host.cwd, directory));
  return {
    exporters,
    layouts: new Map([[EXPORT_STORE, layout]]),
    finish: async (response) => await record(layout, response),
  };
}

function isUnpacked({ type, attributes }: OutputOption): boolean {
  return (type === 'oci' || type === 'docker') && attributes['tar'] === 'false';
}

/** Enters the image into the layout's index, under its names. */
async function record(layout: ImageLayout, response: ExporterResponse): Promise<void> {
  const encoded = response['containerimage.descriptor'];
  if (encoded === undefined) return;
  const descriptor = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Descriptor;
  const names = response['image.name']?.split(',') ?? [];
  const entries = names.map((name) => ({ tag: parseReference(name).tag ?? 'latest', imageName: name }));
  await layout.put(descriptor, entries.length > 0 ? entries : [{ tag: 'latest' }]);
}

/** A tag as the image store records it. A digest has no place in the name of what is yet to be built. */
function tagName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid tag ${JSON.stringify(text)}: a tag cannot hold a digest`);
  }
  return normalize(formatReference(reference));
}

function exporterOf(
  output: OutputOption,
  names: readonly string[],
  options: BuildOptions,
  host: BuildHost,
): Exporter | undefined {
  const { type, destination } = output;
  const annotations = Object.fromEntries(options.annotations.map(annotation));
  const named = names.length > 0 ? { name: names.join(',') } : {};
  switch (type) {
    case 'cacheonly':
      return undefined;
    case 'image':
    case 'registry':
      return imageExporter(output, { ...annotations, ...named }, options);
    case 'docker':
      // Without a file it means docker's own store, and here that is the one images are built into.
      if (destination === '') return imageExporter(output, { ...annotations, ...named }, options);
      return archiveExporter(output, { ...annotations, ...named }, host);
    case 'oci':
      return archiveExporter(output, { ...annotations, ...named }, host);
    case 'tar':
      return archiveExporter(output, {}, host);
    case 'local':
      if (destination === '') throw new K3cError(Code.INVALID_ARGUMENT, 'dest is required for local output');
      if (statSync(resolve(host.cwd, destination), { throwIfNoEntry: false })?.isDirectory() === false) {
        throw new K3cError(Code.INVALID_ARGUMENT, `destination directory ${destination} is a file`);
      }
      return {
        type,
        attributes: output.attributes,
        output: { directory: resolve(host.cwd, destination), mirror: isMirror(output) },
      };
    default:
      throw new K3cError(Code.INVALID_ARGUMENT, `unknown output type ${JSON.stringify(type)}`, {
        hint: 'there are image, registry, docker, oci, tar, local and cacheonly',
      });
  }
}

/** `mode=copy`, the default, adds to a directory; `mode=delete` makes it what was built and nothing else. */
function isMirror({ attributes }: OutputOption): boolean {
  const mode = (attributes['mode'] ?? '').trim().toLowerCase();
  if (mode !== '' && mode !== 'copy' && mode !== 'delete') {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid local exporter mode ${JSON.stringify(mode)}`);
  }
  return mode === 'delete';
}

function imageExporter(output: OutputOption, extra: Record<string, string>, options: BuildOptions): Exporter {
  if (output.destination !== '') {
    throw new K3cError(Code.INVALID_ARGUMENT, `dest is not allowed for ${output.type} output`);
  }
  const attributes: Record<string, string> = {
    unpack: 'true',
    compression: COMPRESSION,
    ...namedAttributes(output),
    ...extra,
  };
  if (options.push || output.type === 'registry') attributes['push'] = 'true';
  if (attributes['name'] === undefined) {
    if (attributes['push'] === 'true') {
      throw new K3cError(Code.INVALID_ARGUMENT, 'tag is needed when pushing to registry');
    }
    attributes['dangling-name-prefix'] = UNNAMED_REPOSITORY;
  }
  return { type: 'image', attributes };
}

function archiveExporter(output: OutputOption, extra: Record<string, string>, host: BuildHost): Exporter {
  const { type, destination } = output;
  const attributes = { ...namedAttributes(output), ...extra };
  if (isUnpacked(output)) return { type, attributes };
  if (destination === '-' || destination === '') {
    if (host.stdoutIsTty) {
      throw new K3cError(
        Code.INVALID_ARGUMENT,
        `dest file is required for ${type} exporter. refusing to write to console`,
      );
    }
    return { type, attributes, output: { open: async () => streamSink(host.stdout) } };
  }
  const path = resolve(host.cwd, destination);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new K3cError(Code.INVALID_ARGUMENT, `destination file ${destination} is a directory`);
  }
  // Before the build, which may take long, and not after it.
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid destination file: there is no directory ${dirname(path)}`);
  }
  return { type, attributes, output: { open: () => pathSink(path) } };
}

/** `[type[platform],…:]key=value` → BuildKit's `annotation[-type][platform].key` */
function annotation(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid annotation ${JSON.stringify(text)}, expected key=value`);
  }
  const key = text.slice(0, equals);
  const match = /^(manifest|index|manifest-descriptor|index-descriptor)(\[[\w/-]+\])?:(.+)$/.exec(key);
  const value = text.slice(equals + 1);
  if (match === null) return [`annotation.${key}`, value];
  return [`annotation-${match[1]}${match[2] ?? ''}.${match[3]}`, value];
}
