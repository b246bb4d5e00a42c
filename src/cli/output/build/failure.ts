/** The last words of a build that failed: the lines of the Dockerfile, then one sentence. */

import { toK3cError } from '../../../api/errors.ts';
import { BuildError } from '../../../client/build/error.ts';
import { formatExcerpt } from './excerpt.ts';

/** @param canceled whether the user gave up; then there is nothing to point at */
export function formatFailure(error: unknown, canceled: boolean): string {
  if (canceled) return 'ERROR: failed to build: canceled\n';
  const failure = toK3cError(error);
  // The same place can be reported more than once, by the step and by the frontend.
  const excerpts = failure instanceof BuildError ? new Set(failure.sources.map(formatExcerpt)) : new Set<string>();
  const solved = failure instanceof BuildError ? 'failed to solve: ' : '';
  const hint = failure.hint === undefined ? '' : `hint: ${failure.hint}\n`;
  return `${[...excerpts].join('')}ERROR: failed to build: ${solved}${failure.message}\n${hint}`;
}
