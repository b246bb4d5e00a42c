/** The builder's warnings, listed once the build has ended, with the lines of the Dockerfile they are about. */
import type { BuildStatus } from '../../../client/build/control.ts';
import { toRanges } from '../../../client/build/error.ts';
import { formatExcerpt } from './excerpt.ts';

export type BuildWarning = BuildStatus['warnings'][number];

/** Empty without warnings. */
export function formatWarnings(warnings: readonly BuildWarning[], color: boolean): string {
  if (warnings.length === 0) return '';
  const title = warnings.length === 1 ? '1 warning found:' : `${warnings.length} warnings found:`;
  let text = `\n ${color ? `\x1b[33m${title}\x1b[0m` : title}\n`;
  for (const { short, url, info, ranges } of warnings) {
    text += ` - ${short.toString('utf8')}\n`;
    if (url !== '') text += `   More info: ${url}\n`;
    if (info === undefined) continue;
    text += formatExcerpt({
      filename: info.filename,
      text: info.data.toString('utf8'),
      ranges: toRanges(ranges),
    });
  }
  return text;
}
