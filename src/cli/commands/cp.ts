/** `k3c cp`. This side's files are read and written by k3c-files, as the user who typed the command. */
import { posix } from 'node:path';
import type { CopyToRequest, PathStat } from '../../api/gen/k3c.ts';
import { sendFile } from '../../client/upload.ts';
import { FilesError, feed, readStat, startFiles } from '../../host/files-helper.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { type CopySide, cleanPath, planCopy, splitEntry, splitOperand } from '../copy-paths.ts';
import { copyProgress } from '../copy-progress.ts';
import { CliError } from '../errors.ts';
import { flag } from '../flags/option.ts';
import { localDestination, localPath, localSource } from '../local-side.ts';
import { BatchWriter } from '../output/batch.ts';
import type { Roles } from '../roles.ts';

interface CpFlags {
  readonly archive?: boolean;
  readonly followLink?: boolean;
  readonly quiet?: boolean;
}

interface Copy {
  readonly helper: string;
  readonly container: string;
  /** In the container, as typed. */
  readonly inside: string;
  /** On this side, as typed; `-`: a tar on stdin or stdout. */
  readonly outside: string;
  readonly archive: boolean;
  readonly follow: boolean;
  readonly quiet: boolean;
}

/** The command over k3c-files, which the roles lend. */
export async function cpCommand(roles: Roles): Promise<CommandDefinition<CpFlags>> {
  const helper = (await roles.filesHelper?.()) ?? '';
  return {
    usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tk3c cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
    details: `Use '-' as the source to read a tar archive from stdin
and extract it to a directory destination in a container.
Use '-' as the destination to stream a tar archive of a
container source to stdout.

Files in a container belong to root, files outside to you, unless -a keeps
their owners; a tar from stdin keeps the owners that it names. What is copied
into a container that does not run is there at each of its later starts; what
is copied into one that runs goes with its writable layer at its next start.`,
    operands: [2, 2],
    configure(command) {
      command.addOption(flag('-a, --archive', 'Archive mode (copy all uid/gid information)'));
      command.addOption(flag('-L, --follow-link', 'Always follow symbol link in SRC_PATH'));
      command.addOption(
        flag(
          '-q, --quiet',
          'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
        ),
      );
    },
    async run(context, [source = '', destination = ''], flags) {
      if (source === '') throw new CliError('source can not be empty');
      if (destination === '') throw new CliError('destination can not be empty');
      const [from, to] = [splitOperand(source), splitOperand(destination)];
      if (from.container !== '' && to.container !== '')
        throw new CliError('copying between containers is not supported');
      const options = {
        helper,
        archive: flags.archive === true,
        follow: flags.followLink === true,
        quiet: flags.quiet ?? !context.terminal.isTty.stdout,
      };
      if (from.container !== '')
        await copyOut(context, { ...options, container: from.container, inside: from.path, outside: to.path });
      else if (to.container !== '')
        await copyIn(context, { ...options, container: to.container, inside: to.path, outside: from.path });
      else throw new CliError('must specify at least one container source');
      return 0;
    },
  };
}

async function copyOut(context: CommandContext, copy: Copy): Promise<void> {
  const { container, outside, signal } = { ...copy, signal: context.signal };
  const target = outside === '-' ? undefined : await localDestination(localPath(context.cwd, outside));
  const client = await context.client();
  const typed = cleanPath(copy.inside, `/${copy.inside}`);
  let path = typed;
  const { stat } = await client.containers.statPath({ container, path }, { signal });
  let found = stat;
  if (copy.follow && isLink(found)) {
    path = cleanPath(copy.inside, found?.linkTarget ?? typed);
    found = (await client.containers.statPath({ container, path }, { signal })).stat;
  }
  const plan = target === undefined ? undefined : planCopy({ path: typed, isDirectory: isDirectory(found) }, target);
  // In a tar for somebody else a link that was followed is not there any more.
  const name = plan?.name ?? '';
  const data = dataOf(client.containers.copyFrom({ container, path, name }, { signal }));
  if (plan === undefined) {
    const writer = new BatchWriter(context.stdout);
    for await (const chunk of data) await writer.write(chunk);
    await writer.flush();
    return;
  }
  const progress = copyProgress(context, 'Copying from container - ', copy.quiet);
  const job = startFiles(copy.helper, [`owner=${copy.archive ? 'keep' : 'self'}`, 'unpack', plan.directory], signal);
  job.discard();
  try {
    await feed([job], progress.count(data));
    await job.done;
  } catch (error) {
    throw localError(error);
  } finally {
    job.stop();
    progress.end();
  }
  progress.summary(isDirectory(found) ? undefined : Number(found?.size ?? 0), localPath(context.cwd, outside));
}

async function copyIn(context: CommandContext, copy: Copy): Promise<void> {
  const target = await containerDestination(context, copy);
  const shown = `${copy.container}:${copy.inside}`;
  if (copy.outside === '-') {
    if (!target.isDirectory) throw new CliError(`destination ${JSON.stringify(shown)} must be a directory`);
    await send(context, copy, target.path, true, context.stdin(), undefined);
    return;
  }
  const typed = localPath(context.cwd, copy.outside);
  const source = await localSource(typed, copy.follow);
  const plan = planCopy({ path: typed, isDirectory: source.isDirectory }, target);
  const job = startFiles(copy.helper, ['pack', source.readAt, plan.name], context.signal);
  try {
    const output = await readStat(job.stdout);
    if (output === undefined) await job.done;
    const whole = async function* () {
      yield* output?.rest ?? [];
      await job.done;
    };
    await send(context, copy, plan.directory, copy.archive, whole(), source.isDirectory ? undefined : source.size);
  } catch (error) {
    throw localError(error);
  } finally {
    job.stop();
  }
}

/** What is at the destination. A link is followed; where nothing is, the directory above counts when the copy is made. */
async function containerDestination(context: CommandContext, copy: Copy): Promise<CopySide> {
  const client = await context.client();
  const { container } = copy;
  const look = async (path: string) => {
    try {
      return (await client.containers.statPath({ container, path }, { signal: context.signal })).stat;
    } catch (error) {
      if ((error as { reason?: string }).reason === 'path-not-found') return undefined;
      throw error;
    }
  };
  let path = cleanPath(copy.inside, `/${copy.inside}`);
  let found = await look(path);
  if (isLink(found)) {
    path = posix.resolve(splitEntry(path).directory, found?.linkTarget ?? '');
    found = await look(path);
  }
  const kind = (found?.mode ?? 0) & S_IFMT;
  if (kind === S_IFCHR || kind === S_IFBLK)
    throw new CliError(
      `destination ${JSON.stringify(`${container}:${copy.inside}`)} must be a directory or a regular file: got a device`,
    );
  return { path, exists: found !== undefined, isDirectory: isDirectory(found) };
}

async function send(
  context: CommandContext,
  copy: Copy,
  path: string,
  keepOwner: boolean,
  data: AsyncIterable<Buffer>,
  contentSize: number | undefined,
): Promise<void> {
  const client = await context.client();
  const progress = copyProgress(context, 'Copying to container - ', copy.quiet);
  const call = client.containers.copyTo({ signal: context.signal });
  const first: CopyToRequest = { part: { $case: 'open', value: { container: copy.container, path, keepOwner } } };
  const toPart = (value: Buffer): CopyToRequest => ({ part: { $case: 'data', value } });
  try {
    for await (const _ of sendFile(call, progress.count(data), toPart, first));
  } finally {
    progress.end();
  }
  progress.summary(contentSize, `${copy.container}:${copy.inside}`);
}

async function* dataOf(
  answers: AsyncIterable<{ readonly part?: { readonly $case: string; readonly value: unknown } | undefined }>,
): AsyncGenerator<Buffer> {
  for await (const { part } of answers) if (part?.$case === 'data') yield part.value as Buffer;
}

/** inode(7) */
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

function isDirectory(stat: PathStat | undefined): boolean {
  return ((stat?.mode ?? 0) & S_IFMT) === S_IFDIR;
}

function isLink(stat: PathStat | undefined): boolean {
  return ((stat?.mode ?? 0) & S_IFMT) === S_IFLNK;
}

function localError(error: unknown): unknown {
  return error instanceof FilesError ? new CliError(error.message, { cause: error }) : error;
}
