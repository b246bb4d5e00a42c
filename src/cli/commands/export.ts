/** `k3c export` */
import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ExportResponse } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { errorWords } from '../file-error.ts';
import { value } from '../flags/option.ts';
import { BatchWriter } from '../output/batch.ts';

interface ExportFlags {
  readonly output?: string;
}

export const exportContainer: CommandDefinition<ExportFlags> = {
  usage: '[OPTIONS] CONTAINER',
  operands: [1, 1],
  configure(command) {
    command.addOption(value('-o, --output <string>', 'Write to a file, instead of STDOUT'));
  },
  async run(context, [container = ''], flags) {
    const path = flags.output ?? '';
    if (path === '' && context.terminal.isTty.stdout)
      throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    const client = await context.client();
    const answers = client.containers.export({ container }, { signal: context.signal });
    if (path === '') await toStdout(context, answers);
    else await toFile(resolve(context.cwd, path), answers);
    return 0;
  },
};

async function toStdout(context: CommandContext, answers: AsyncIterable<ExportResponse>): Promise<void> {
  const writer = new BatchWriter(context.stdout);
  for await (const { data } of answers) await writer.write(data);
  await writer.flush();
}

/** Beside its place, and there when it is whole: an export that fails leaves what was there before. */
async function toFile(path: string, answers: AsyncIterable<ExportResponse>): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  const refuse = (cause: unknown) =>
    new CliError(`failed to export container: ${errorWords(cause)}: ${path}`, { cause });
  const file = await open(temporary, 'wx', 0o600).catch((cause: unknown) => Promise.reject(refuse(cause)));
  try {
    try {
      for await (const { data } of answers) await file.writeFile(data);
    } finally {
      await file.close();
    }
    await rename(temporary, path).catch((cause: unknown) => Promise.reject(refuse(cause)));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
