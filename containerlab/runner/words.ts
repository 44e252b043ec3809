/** Splits a command line into words as containerlab does before it runs one: no shell, only quotes and backslashes. */

/**
 * @example words(`sh -c 'a "b"'`) is ["sh", "-c", `a "b"`]
 * @throws SyntaxError when a quote is not closed
 */
export function words(line: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  const token = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(\s+)|([^\s'"\\]+)|(.)/gsu;
  for (const [, single, double, escaped, space, plain, stray] of line.matchAll(token)) {
    if (stray !== undefined) throw new SyntaxError(`${stray} is not closed in: ${line}`);
    if (space === undefined) {
      word = (word ?? "") + (single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain ?? "");
    } else if (word !== undefined) {
      found.push(word);
      word = undefined;
    }
  }
  return word === undefined ? found : [...found, word];
}

/** The other way: a command as a person would type it into a shell. */
export function typed(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}
