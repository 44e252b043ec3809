/** The file of users, read again when it changes. A broken one changes nothing but the log. */

import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { type People, parsePeople } from "../../identity/people.ts";
import type { Log } from "../records/log.ts";

/** Nobody but owner and group reads what tokens are signed with. */
const OTHERS = 0o007;

interface Stamp {
  readonly mtimeMs: number;
  readonly ino: number;
  readonly size: number;
}

/** @throws Error that names the file, at the first reading */
export function openPeople(path: string, log: Log): () => People {
  let stamp = stampOf(path);
  let people = readPeople(path);
  return () => {
    try {
      const now = stampOf(path);
      if (now.mtimeMs === stamp.mtimeMs && now.ino === stamp.ino && now.size === stamp.size) return people;
      stamp = now;
      people = readPeople(path);
      log.info({ event: "identity.loaded", file: path }, "users were read again");
    } catch (error) {
      log.error({ event: "identity.refused", file: path }, (error as Error).message);
    }
    return people;
  };
}

/** The same people, whose tokens end with this process: where nothing is kept, neither is what was revoked. */
export function untilRestart(people: () => People | undefined): () => People | undefined {
  const mark = randomBytes(24).toString("base64");
  return () => {
    const known = people();
    return known && { ...known, secret: `${mark}${known.secret}` };
  };
}

function stampOf(path: string): Stamp {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`${path} is not there: \`gwctl user set NAME\` makes it`);
  return found;
}

function readPeople(path: string): People {
  const { mode } = statSync(path);
  if ((mode & OTHERS) !== 0) throw new Error(`${path}: others can read or change it; chmod 0640 ${path}`);
  try {
    return parsePeople(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
