/** Projects by their names. */

import { call } from "../client.ts";
import { EXIT, Failure } from "../io.ts";
import type { Session } from "./session.ts";

/** The id of a project that somebody has called by its name; what is no name is taken for an id. @throws Failure */
export async function projectId({ target, io }: Session, called: string): Promise<string> {
  // Who has no token is where nobody is asked for one, or is told so by what comes next.
  const where = target.token === undefined ? "" : "/v3";
  const path = `${where}/projects?${new URLSearchParams({ name: called }).toString()}`;
  try {
    const { json } = await call(target, { method: "GET", path }, io.signal);
    const [found] = (json as { readonly projects: readonly { readonly id: string }[] }).projects;
    return found?.id ?? called;
  } catch (error) {
    if (error instanceof Failure && error.detail.exit === EXIT.notFound) return called;
    throw error;
  }
}
