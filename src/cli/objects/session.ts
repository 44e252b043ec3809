/** Objects of the Networking API by their names. */

import type { Command } from "commander";
import { type Answer, call, type Target } from "../client.ts";
import { optionsOf } from "../flags.ts";
import { EXIT, Failure, type Io } from "../io.ts";
import type { Options } from "../show.ts";
import { printable } from "../text.ts";
import type { ResourceRow, View } from "./row.ts";

/** One run of gwctl against the Networking API. */
export interface Session {
  readonly options: Options;
  readonly target: Target;
  readonly io: Io;
}

export function openSession(command: Command, io: Io): Session {
  const options = optionsOf(command, io);
  return { options, target: options.target, io };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Asked = Parameters<typeof call>[1];

/** Sends a request, and passes on what gatewayd says beside its answer. @throws Failure */
export async function tell({ target, io }: Session, request: Asked): Promise<Answer> {
  const answer = await call(target, request, io.signal);
  for (const note of answer.notes) io.stderr.write(`note: ${printable(note)}\n`);
  return answer;
}

/** The id of what somebody has called by its name or id. @throws Failure - there is none, or several */
export async function idOf(session: Session, row: ResourceRow, called: string): Promise<string> {
  if (UUID.test(called)) return called;
  for (const name of row.names) {
    const found = await listOf(session, row, [
      [name, called],
      ["fields", "id"],
    ]);
    if (found.length === 1) return String(found[0]!["id"]);
    if (found.length > 1) {
      const ids = found.map(({ id }) => String(id)).join(", ");
      throw new Failure(EXIT.error, `${found.length} ${row.many} are called ${called}: ${ids}`, "use an id");
    }
  }
  const hint = `gwctl ${row.command.join(" ")} list shows what there is`;
  throw new Failure(EXIT.notFound, `there is no ${row.one} called ${called}`, hint);
}

/** @throws Failure */
export async function listOf(
  { target, io }: Session,
  row: ResourceRow,
  query: readonly (readonly [string, string])[],
): Promise<readonly View[]> {
  const path = `/v2.0/${row.path}?${new URLSearchParams(query.map(([name, value]) => [name, value] as [string, string])).toString()}`;
  const { json } = await call(target, { method: "GET", path }, io.signal);
  return (json as Readonly<Record<string, readonly View[]>>)[row.collection] ?? [];
}

/** Asks about one object. @throws Failure */
export async function ask(session: Session, request: Asked, member: string): Promise<View> {
  const { json } = await tell(session, request);
  return (json as Readonly<Record<string, View>> | undefined)?.[member] ?? {};
}
