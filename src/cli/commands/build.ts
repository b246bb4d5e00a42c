/** `k3c build`: BuildKit's build, from this side of the socket. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Code, hasCode, toK3cError } from '../../api/errors.ts';
import { build as runBuild } from '../../client/build/build.ts';
import type { BuildStatus } from '../../client/build/control.ts';
import type { BuildHost } from '../../client/build/request/options.ts';
import { imageId, removeIdFile, writeIdFile, writeMetadataFile } from '../../client/build/result.ts';
import type { ExporterResponse } from '../../client/build/solve.ts';
import type { K3cClient } from '../../client/client.ts';
import { callOf, isKeptHere, isKeptHereOnly, optionsOf } from '../build-flags/build-options.ts';
import { type BuildFlags, buildFlags } from '../build-flags/flags.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { signalExitCode } from '../exit.ts';
import { fileError } from '../file-error.ts';
import { formatFailure } from '../output/build/failure.ts';
import { formatLatestHint } from '../output/build/latest-hint.ts';
import { chooseDisplay, parseProgress } from '../output/build/modes.ts';
import { type BuildWarning, formatWarnings } from '../output/build/warnings.ts';

export const build: CommandDefinition<BuildFlags> = {
  usage: '[OPTIONS] PATH | URL | -',
  operands: [1, 1],
  configure(command: Command): void {
    for (const option of buildFlags()) command.addOption(option);
  },
  async run(context, [path = ''], flags) {
    const mode = flags.quiet ? 'quiet' : (flags.progress ?? parseProgress(context.env['BUILDKIT_PROGRESS'] || 'auto'));
    const color = !context.env['NO_COLOR'] && context.terminal.isTty.stderr && mode !== 'plain';
    const display = chooseDisplay(mode, context, color);
    const warnings: BuildWarning[] = [];
    const listener = {
      onStatus(status: BuildStatus) {
        warnings.push(...status.warnings);
        display.update(status);
      },
      onNotice(text: string) {
        if (mode !== 'quiet' && mode !== 'rawjson') context.stderr.write(`${text}\n`);
      },
    };
    await writeResult(flags.iidfile, context.cwd, removeIdFile);
    let response: ExporterResponse;
    try {
      const client = await context.client();
      response = await runBuild(
        client.builder,
        optionsOf(path, flags, context),
        hostOf(context, client),
        listener,
        context.signal,
      );
      display.done();
    } catch (error) {
      display.done();
      context.stderr.write(formatFailure(error, context.signal.aborted));
      return context.signal.aborted ? signalExitCode(context.signal.reason as NodeJS.Signals) : 1;
    }
    const call = callOf(flags);
    if (call !== undefined) {
      const { formatAnswer } = await import('../output/build/answer.ts');
      const { stdout, stderr, code } = formatAnswer(call, response);
      context.stdout.write(stdout);
      context.stderr.write(stderr);
      return code;
    }
    if (isKeptHere(flags)) await tellOfNames(context, response, listener.onNotice);
    if (mode !== 'quiet' && mode !== 'rawjson') {
      context.stderr.write(formatWarnings(warnings, color));
      if (isKeptHereOnly(flags)) context.stderr.write(formatLatestHint(response));
    }
    await writeResult(flags.iidfile, context.cwd, (path) => writeIdFile(path, response));
    await writeResult(flags.metadataFile, context.cwd, (path) => writeMetadataFile(path, response));
    const id = imageId(response);
    if (mode === 'quiet' && id !== undefined) context.stdout.write(`${id}\n`);
    return 0;
  },
};

/** For `events`, which BuildKit tells nothing. The build is done, whatever becomes of it. */
async function tellOfNames(
  context: CommandContext,
  response: ExporterResponse,
  onNotice: (text: string) => void,
): Promise<void> {
  // What has no name is recorded by its digest.
  const names = (response['image.name'] ?? '').split(',').filter((name) => name !== '' && !name.includes('@'));
  if (names.length === 0) return;
  try {
    const client = await context.client();
    await client.images.built({ names }, { signal: context.signal });
  } catch (error) {
    // An older daemon has no events of builds.
    if (hasCode(error, Code.UNIMPLEMENTED)) return;
    onNotice(`WARNING: no event tells of this image: ${toK3cError(error).message}`);
  }
}

/** @throws CliError that names the file as the user did */
async function writeResult(
  named: string | undefined,
  cwd: string,
  write: (path: string) => Promise<void>,
): Promise<void> {
  if (named === undefined || named === '') return;
  try {
    await write(resolve(cwd, named));
  } catch (error) {
    throw fileError(named, error);
  }
}

/** Whether the daemon pulls for its builder; an older one does not. */
async function pullsForBuilds(client: K3cClient, signal: AbortSignal): Promise<boolean> {
  try {
    return (await client.images.pullsForBuilds({}, { signal })).needed;
  } catch (error) {
    if (hasCode(error, Code.UNIMPLEMENTED)) return false;
    throw error;
  }
}

function hostOf(context: CommandContext, client: K3cClient): BuildHost {
  const { cwd, env, signal, stdout } = context;
  return {
    cwd,
    env,
    dockerConfig: () => context.dockerConfig(),
    stdout,
    stdin: () => context.stdin(),
    stdoutIsTty: context.terminal.isTty.stdout,
    async configuredCredentials(registry) {
      return (await client.images.configuredAuth({ host: registry })).auth;
    },
    async sourcePreparer(always) {
      if (!(await pullsForBuilds(client, signal))) return undefined;
      const { credentials } = await import('../transfer.ts');
      return async (reference, platform, ended) => {
        const auth = await credentials(context, reference);
        const request = { reference, platform, always, ...(auth !== undefined && { auth }) };
        await client.images.pullForBuild(request, { signal: ended });
      };
    },
  };
}
