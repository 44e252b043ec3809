/** Commands by any prefix that only one of them has: `gwctl s p` is `gwctl show peers`. */

import type { Command, Option } from "commander";
import { EXIT, Failure } from "./io.ts";

/** `words` with every command spelt out. What is no command is left as it is. @throws Failure when several fit */
export function expand(program: Command, words: readonly string[]): string[] {
  const expanded: string[] = [];
  let at: Command = program;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") return [...expanded, ...words.slice(i)];
    if (word.startsWith("-")) {
      const taken = withValue(optionOf(at, word), word, words[i + 1]);
      expanded.push(...taken.words);
      i += taken.ahead;
      continue;
    }
    const command = commandOf(at, word);
    expanded.push(command?.name() ?? word);
    at = command ?? at;
  }
  return expanded;
}

function optionOf(at: Command, word: string): Option | undefined {
  for (let command: Command | null = at; command !== null; command = command.parent) {
    const option = command.options.find(({ long, short }) => long === word || short === word);
    if (option !== undefined) return option;
  }
  return undefined;
}

/** An option as written, or with the word behind it, `ahead` words on. */
function withValue(
  option: Option | undefined,
  word: string,
  value: string | undefined,
): { readonly words: readonly string[]; readonly ahead: number } {
  if (option?.required === true && value !== undefined) return { words: [word, value], ahead: 1 };
  if (option?.optional !== true) return { words: [word], ahead: 0 };
  // Commander would take any word as the value, and with it the command of `gwctl --watch show nat`.
  if (value !== undefined && /^[\d.]+$/.test(value)) return { words: [word, value], ahead: 1 };
  return { words: [`${option.long}=${String(option.presetArg)}`], ahead: 0 };
}

function commandOf(at: Command, word: string): Command | undefined {
  const commands = at.createHelp().visibleCommands(at);
  const exact = commands.find((command) => namesOf(command).includes(word));
  if (exact !== undefined) return exact;
  const fitting = commands.filter((command) => namesOf(command).some((name) => name.startsWith(word)));
  if (fitting.length < 2) return fitting[0];
  const names = fitting.map((command) => command.name()).join(", ");
  throw new Failure(EXIT.usage, `${word} is ambiguous: ${names}`, "write enough of it that only one fits");
}

const namesOf = (command: Command): string[] => [command.name(), ...command.aliases()];
