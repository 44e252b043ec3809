/** One question to the Networking API about a floating IP. */

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { json } from "node:stream/consumers";

export interface FloatingIp {
  readonly id: string;
  readonly floating_ip_address: string;
}

/** @throws Error with the answer when it is a refusal */
export async function askFor(
  socketPath: string,
  method: "POST" | "PUT",
  path: string,
  floatingip: object,
): Promise<FloatingIp> {
  const headers = { "content-type": "application/json" };
  const asked = request({ socketPath, method, path: `/v2.0/${path}`, headers });
  asked.end(JSON.stringify({ floatingip }));
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const answer = await json(response);
  if ((response.statusCode ?? 500) >= 300) throw new Error(JSON.stringify(answer));
  return (answer as { readonly floatingip: FloatingIp }).floatingip;
}
