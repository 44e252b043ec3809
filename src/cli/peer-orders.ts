/** What an operator does to one peer: asked of the API, and told in a line. */

import type { PeerAnswer } from "../api/schema.ts";
import { post } from "./client.ts";
import type { Io } from "./io.ts";
import type { Options } from "./show.ts";
import { printable } from "./text.ts";
import { haltText, stateWord } from "./views.ts";
import { toYaml } from "./yaml.ts";

/** @param path - with the order and its words. @throws Failure - no such peer, or not allowed */
export async function orderPeer(path: string, { target, format }: Options, io: Io): Promise<void> {
  const { json, text } = await post(target, path, io.signal);
  const peer = json as PeerAnswer;
  if (format === "json") io.stdout.write(`${text.trimEnd()}\n`);
  else if (format === "yaml") io.stdout.write(toYaml(json));
  else {
    const why = haltText(peer);
    const words = `${peer.address}: ${stateWord(peer)}${why === undefined ? "" : `, ${why}`}`;
    io.stdout.write(`${printable(words)}\n`);
  }
}
