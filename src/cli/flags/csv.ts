/** Flags whose value is one line of CSV with key=value fields (`--mount`, `-o`, `--secret`, `--cache-to` …). */

/** The fields of a line: quotes hold commas, a doubled quote is one. Throws Error on a quote that is not closed. */
export function csvFields(text: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] ?? '';
    if (letter === '"' && quoted && text[i + 1] === '"') {
      field += '"';
      i++;
    } else if (letter === '"') quoted = !quoted;
    else if (letter === ',' && !quoted) {
      fields.push(field);
      field = '';
    } else field += letter;
  }
  if (quoted) throw new Error(`parse error in '${text}': a quote is not closed`);
  return [...fields, field];
}

/** The fields as key and value, keys in lower case. Throws Error on one without `=`. */
export function csvPairs(text: string): [key: string, value: string][] {
  return csvFields(text).map((field) => {
    const equals = field.indexOf('=');
    if (equals < 0) throw new Error(`invalid value ${field}`);
    return [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
  });
}

/** One line of CSV of these pairs, quoted where it must be. */
export function toCsv(pairs: Iterable<readonly [string, string]>): string {
  return [...pairs]
    .map(([key, value]) => {
      const pair = `${key}=${value}`;
      return /[",\n]/.test(pair) ? `"${pair.replaceAll('"', '""')}"` : pair;
    })
    .join(',');
}
