/** Pulls and pushes on behalf of commands: the user's credentials, the daemon's progress, docker's lines around it. */
import type { Writable } from 'node:stream';
import type { TransferDone, TransferProgress } from '../api/gen/k3c.ts';
import { canonical, familiar, formatReference, parseReference } from '../api/reference.ts';
import { lookupCredentials, type RegistryCredentials } from '../client/credentials/lookup.ts';
import type { CommandContext } from './context.ts';
import { plainView, quietView, type TransferView, terminalView } from './output/transfer-view.ts';

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
  const client = await context.client();
  const auth = await credentials(context, reference);
  const progress = client.images.pull(
    { reference, platform: options.platform ?? '', auth },
    { signal: context.signal },
  );
  const done = await show(progress, view);
  view.status(`Digest: ${done.digest}`);
  view.status(done.upToDate ? `Status: Image is up to date for ${name}` : `Status: Downloaded newer image for ${name}`);
  return done.reference;
}

/** Pushes an image, with docker's last line. */
export async function pushImage(context: CommandContext, reference: string, quiet: boolean): Promise<TransferDone> {
  const view = openView(context, 'stdout', quiet);
  const client = await context.client();
  const auth = await credentials(context, reference);
  const done = await show(client.images.push({ reference, auth }, { signal: context.signal }), view);
  const tag = canonical(parseReference(reference)).tag ?? '';
  view.status(`${tag}: digest: ${done.digest} size: ${done.size}`);
  return done;
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

async function credentials(context: CommandContext, reference: string) {
  const found = await lookupCredentials(parseReference(reference).domain, context.env);
  return found === undefined ? undefined : toAuth(found);
}

/** Credentials as the API takes them. */
export function toAuth({ username, password, identityToken }: RegistryCredentials) {
  return { username, password, identityToken: identityToken ?? '' };
}
