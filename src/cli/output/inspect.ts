/** What inspect prints of JSON documents: all of them as one list, or a template over each. */
import { CliError } from '../errors.ts';
import { toDocument } from './document.ts';
import { inWords } from './rows.ts';
import { compileTemplate } from './template/template.ts';
import { fromJson, toJson } from './template/values.ts';

export const INSPECT_FORMAT_HELP = `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`;

export interface InspectRenderer {
  /** Takes one document. Throws CliError where the template does not fit it. */
  add(document: Buffer): void;
  /** All that is to be printed. */
  end(): string;
}

/** Throws CliError on a template that is wrong. */
export function inspectRenderer(format: string): InspectRenderer {
  if (format === '' || format === 'json') {
    const documents: unknown[] = [];
    return {
      add: (document) => void documents.push(fromJson(document.toString('utf8'))),
      end: () => `${toJson(documents, format === '' ? '    ' : undefined)}\n`,
    };
  }
  const template = compile(format);
  let output = '';
  return {
    add(document) {
      output += `${inWords(() => template.execute(toDocument(fromJson(document.toString('utf8')))))}\n`;
    },
    end: () => (output === '' ? '\n' : output),
  };
}

/** docker exits with 64 on a template that cannot be parsed. */
function compile(format: string) {
  try {
    return inWords(() => compileTemplate(format));
  } catch (error) {
    if (error instanceof CliError) throw new CliError(error.message, { exitCode: 64, cause: error });
    throw error;
  }
}
