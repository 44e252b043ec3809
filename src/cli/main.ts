/** gwctl as a function: arguments and a world in, an exit status out. */

import { type Command, CommanderError } from "commander";
import { expand } from "./abbreviation.ts";
import { buildProgram } from "./commands.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { printable } from "./text.ts";

/** @param argv - without the interpreter and the script */
export async function main(argv: readonly string[], io: Io, version: string): Promise<number> {
  try {
    const program = buildProgram(io, version);
    await program.parseAsync(expand(program, argv), { from: "user" });
    return EXIT.ok;
  } catch (error) {
    // Commander has said what is wrong; its status for all of it is 1.
    if (error instanceof CommanderError) {
      if (error.code === "commander.unknownCommand") hintAt(buildProgram(io, version), argv, io);
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    if (!(error instanceof Failure)) throw error;
    if (error.detail.exit !== EXIT.interrupted) explain(error, io);
    return error.detail.exit;
  }
}

const HINTS = 3;

/** `gwctl status` is `gwctl show status`. */
function hintAt(program: Command, argv: readonly string[], io: Io): void {
  const isNamed = (command: Command): boolean => argv.includes(command.name());
  const found = program.commands.flatMap((command) =>
    command.commands.filter(isNamed).map((inner) => `gwctl ${command.name()} ${inner.name()}`),
  );
  if (found.length > 0) io.stderr.write(`hint: ${found.slice(0, HINTS).join(", or ")}\n`);
}

function explain(failure: Failure, io: Io): void {
  const { hint } = failure.detail;
  io.stderr.write(`gwctl: ${printable(failure.message)}\n`);
  if (hint !== undefined) io.stderr.write(`hint: ${printable(hint)}\n`);
}
