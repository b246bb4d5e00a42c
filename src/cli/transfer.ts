/** Pulls and pushes on behalf of commands: the user's credentials, the daemon's progress, docker's lines around it. */
import type { Writable } from 'node:stream';
import type { TransferDone, TransferProgress } from '../api/gen/k3c.ts';
import {
  canonical,
  familiar,
  familiarRepository,
  formatReference,
  parseReference,
  repositoryOf,
} from '../api/reference.ts';
import { lookupCredentials, type RegistryCredentials } from '../client/credentials/lookup.ts';
import type { CommandContext } from './context.ts';
import { CliError } from './errors.ts';
import { plainView, quietView, type TransferView, terminalView } from './output/transfer-view.ts';

type Auth = ReturnType<typeof toAuth> | undefined;

export interface PullOptions {
  readonly reference: string;
  readonly platform?: string | undefined;
  readonly quiet: boolean;
  /** Where progress goes: stdout for `pull`, stderr for a pull within `run`. */
  readonly output: 'stdout' | 'stderr';
}

/** Pulls an image, with docker's `Digest:` and `Status:` at the end. Returns the full name of what was pulled. */
export async function pullImage(context: CommandContext, options: PullOptions): Promise<string> {
  const { reference, quiet } = options;
  const name = familiar(formatReference(canonical(parseReference(reference))));
  const view = openView(context, options.output, quiet);
  const auth = await credentials(context, reference);
  const done = await pullOne(context, view, options, auth);
  view.status(statusLine(done.upToDate, name));
  return done.reference;
}

/** Pulls every tag that the registry has of a repository, one after the other, with docker's `Status:` for all of them. */
export async function pullAllTags(context: CommandContext, options: PullOptions): Promise<void> {
  const { reference: repository } = options;
  const view = openView(context, options.output, options.quiet);
  const client = await context.client();
  const auth = await credentials(context, repository);
  const { tags } = await client.images.remoteTags({ reference: repository, auth }, { signal: context.signal });
  let upToDate = true;
  for (const tag of tags) {
    const done = await pullOne(context, view, { ...options, reference: `${repository}:${tag}` }, auth);
    upToDate &&= done.upToDate;
  }
  view.status(statusLine(upToDate, familiarRepository(parseReference(repository))));
}

async function pullOne(
  context: CommandContext,
  view: TransferView,
  { reference, platform }: PullOptions,
  auth: Auth,
): Promise<TransferDone> {
  const client = await context.client();
  const request = { reference, platform: platform ?? '', auth };
  const done = await show(client.images.pull(request, { signal: context.signal }), view);
  view.status(`Digest: ${done.digest}`);
  return done;
}

function statusLine(upToDate: boolean, name: string): string {
  return upToDate ? `Status: Image is up to date for ${name}` : `Status: Downloaded newer image for ${name}`;
}

/** Pushes an image, with docker's last line. */
export async function pushImage(context: CommandContext, reference: string, quiet: boolean): Promise<TransferDone> {
  const view = openView(context, 'stdout', quiet);
  return pushOne(context, view, reference, await credentials(context, reference));
}

/** Pushes every tag that an image of this repository has here. */
export async function pushAllTags(context: CommandContext, repository: string, quiet: boolean): Promise<void> {
  const view = openView(context, 'stdout', quiet);
  const client = await context.client();
  const own = familiarRepository(parseReference(repository));
  const filters = { reference: { values: [own] } };
  const { images } = await client.images.list({ all: false, filters }, { signal: context.signal });
  const tags = images.flatMap((image) => image.tags).filter((name) => name.startsWith(`${own}:`));
  if (tags.length === 0) throw new CliError(`An image does not exist locally with the tag: ${own}`);
  const auth = await credentials(context, repository);
  for (const [i, name] of tags.sort().entries()) await pushOne(context, i === 0 ? view : untitled(view), name, auth);
}

async function pushOne(
  context: CommandContext,
  view: TransferView,
  reference: string,
  auth: Auth,
): Promise<TransferDone> {
  const client = await context.client();
  const done = await show(client.images.push({ reference, auth }, { signal: context.signal }), view);
  const tag = canonical(parseReference(reference)).tag ?? '';
  view.status(`${tag}: digest: ${done.digest} size: ${done.size}`);
  return done;
}

/** Where a repository has been named already, it is not named again. */
function untitled(view: TransferView): TransferView {
  return {
    ...view,
    status: (text) => {
      if (!text.startsWith('The push refers to repository ')) view.status(text);
    },
  };
}

/** The full name of a repository, without tag and digest. Throws CliError where there is one: all of them are meant. */
export function repositoryOnly(text: string): string {
  const reference = parseReference(text);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new CliError("tag can't be used with --all-tags/-a");
  }
  return repositoryOf(reference);
}

/** Whether a name has neither tag nor digest; docker then says which tag it means. */
export function lacksTag(text: string): boolean {
  const { tag, digest } = parseReference(text);
  return tag === undefined && digest === undefined;
}

function openView(context: CommandContext, output: 'stdout' | 'stderr', quiet: boolean): TransferView {
  if (quiet) return quietView;
  const stream: Writable = context[output];
  if (!context.terminal.isTty[output]) return plainView(stream);
  return terminalView(
    stream,
    () => context.terminal.size(),
    () => performance.now(),
  );
}

async function show(progress: AsyncIterable<TransferProgress>, view: TransferView): Promise<TransferDone> {
  let done: TransferDone = { reference: '', digest: '', upToDate: false, size: 0n };
  try {
    for await (const { event } of progress) {
      if (event?.$case === 'layer') view.layer(event.value);
      else if (event?.$case === 'status') view.status(event.value);
      else if (event?.$case === 'done') done = event.value;
    }
  } finally {
    view.end();
  }
  return done;
}

/** What the user has for the registry of a reference, as the API takes it; undefined where that is nothing. */
export async function credentials(context: CommandContext, reference: string) {
  const { domain } = parseReference(reference);
  const found = await lookupCredentials(domain, await context.dockerConfig(), context.env, context.signal);
  return found === undefined ? undefined : toAuth(found);
}

/** Credentials as the API takes them. */
export function toAuth({ username, password, identityToken }: RegistryCredentials) {
  return { username, password, identityToken: identityToken ?? '' };
}
