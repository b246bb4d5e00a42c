/** What a frontend answers to `--call`, in the words of docker/buildx (commands/build.go, printResult). */
import { type SourceJson, toSource } from '../../../client/build/error.ts';
import type { ExporterResponse } from '../../../client/build/solve.ts';
import type { CallOption } from '../../flags/build.ts';
import { formatExcerpt } from './excerpt.ts';

export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

interface LintResults {
  readonly warnings?: readonly unknown[] | null;
  readonly sources?: readonly SourceJson['info'][] | null;
  readonly buildError?: {
    readonly message: string;
    readonly location?: { readonly sourceIndex?: number; readonly ranges?: SourceJson['ranges'] };
  } | null;
}

/** The text and the exit code of an answer: checks that found something end with 1. */
export function formatAnswer({ name, format, ignoreStatus }: CallOption, response: ExporterResponse): Answer {
  const json = response['result.json'] ?? '';
  const text = response['result.txt'] ?? '';
  const code = ignoreStatus ? 0 : Number(response['result.statuscode'] ?? 0);
  if (format === 'json') return { stdout: `${json}\n`, stderr: '', code };
  if (name !== 'lint') return { stdout: text, stderr: '', code };
  const { warnings, sources, buildError } = JSON.parse(json || '{}') as LintResults;
  const count = warnings?.length ?? 0;
  const found = count === 1 ? '1 warning has been found!' : `${count} warnings have been found!`;
  const title = count > 0 ? `Check complete, ${found}\n` : '';
  if (buildError) {
    const { sourceIndex = 0, ranges } = buildError.location ?? {};
    const excerpts = toSource({ info: sources?.[sourceIndex], ranges }).map(formatExcerpt);
    return { stdout: title + text, stderr: `ERROR: ${buildError.message}\n${excerpts.join('')}`, code: code || 1 };
  }
  return { stdout: count > 0 ? title + text : 'Check complete, no warnings found.\n', stderr: '', code };
}
