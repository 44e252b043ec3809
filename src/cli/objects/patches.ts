/** What the options of one command line say together. */

import { type Command, Option } from "commander";
import { EXIT, Failure } from "../io.ts";
import { projectId } from "./projects.ts";
import { RESOURCE_ROWS } from "./resources.ts";
import type { ResourceRow, View } from "./row.ts";
import { idOf, type Session } from "./session.ts";
import { type Patch, PROJECTS, type Resolve, type Verb, type Word } from "./words.ts";

/** What was said of each word, in the order of the row; "" of one that takes no value. Filled while the line is parsed. */
export type Spoken = ReadonlyMap<Word, readonly string[]>;

export function addOptions(command: Command, { options }: Pick<ResourceRow, "options">, verb: Verb): Spoken {
  const spoken = new Map<Word, string[]>();
  for (const word of options.filter(({ on }) => on.includes(verb))) {
    const values: string[] = [];
    const option = new Option(word.flags, word.about).makeOptionMandatory(word.required === true);
    spoken.set(word, values);
    command.addOption(option);
    // Commander keeps one value for --x and --no-x, which here are two words that go together.
    command.on(`option:${option.name()}`, (value?: string | null) => void values.push(value ?? ""));
  }
  return spoken;
}

interface Said {
  /** Members that are to be so. */
  readonly plain: Patch;
  /** Items of members that are lists: to be added, or taken away. */
  readonly lists: Readonly<Record<string, readonly unknown[]>>;
}

/** @throws Failure */
export async function readSaid(spoken: Spoken, resolve: Resolve): Promise<Said> {
  let plain: Patch = {};
  const lists: Record<string, readonly unknown[]> = {};
  for (const [word, values] of spoken) {
    for (const value of values) {
      const patch = await word.read(value, resolve);
      if (word.isList !== true) plain = { ...plain, ...patch };
      else {
        for (const [member, items] of Object.entries(patch)) {
          lists[member] = [...(lists[member] ?? []), ...(items as readonly unknown[])];
        }
      }
    }
  }
  return { plain, lists };
}

/** @param current - as it is; of a new one, nothing. A list that `plain` empties begins anew */
export const withAdded = ({ plain, lists }: Said, current: View): Patch => ({
  ...plain,
  ...Object.fromEntries(
    Object.entries(lists).map(([member, items]) => {
      const before = (plain[member] ?? current[member] ?? []) as readonly unknown[];
      return [member, [...before, ...items.filter((item) => !before.some((old) => holds(old, item)))]];
    }),
  ),
});

/** @throws Failure when one of them is not there to be taken away */
export const withoutTaken = ({ plain, lists }: Said, current: View): Patch => ({
  ...plain,
  ...Object.fromEntries(
    Object.entries(lists).map(([member, items]) => {
      const before = (current[member] ?? []) as readonly unknown[];
      const absent = items.find((item) => !before.some((old) => holds(old, item)));
      if (absent !== undefined) {
        throw new Failure(EXIT.notFound, `${member} has no ${JSON.stringify(absent)}`);
      }
      return [member, before.filter((old) => !items.some((item) => holds(old, item)))];
    }),
  ),
});

/** An item may have members that nobody gave, such as the MAC address of a pair. */
function holds(item: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return item === wanted;
  return Object.entries(wanted).every(([name, value]) => (item as View)[name] === value);
}

export const resolverOf =
  (session: Session): Resolve =>
  (path, called) =>
    path === PROJECTS
      ? projectId(session, called)
      : idOf(session, RESOURCE_ROWS.find((row) => row.path === path)!, called);
