/** What gatewayd itself says of a site's objects, waited for and looked at. */

import { expect } from "vitest";
import type { ExplainAnswer } from "../../src/api/explain-schema.ts";
import { type Daemon, eventually } from "../daemon/lab.ts";
import { LIMIT_MS } from "./openstack-site.ts";

export const portStatusIs = (gw: Daemon, name: string, status: string): Promise<true> =>
  eventually(
    `port ${name} is ${status}`,
    async () => {
      const { ports } = await gw.get<{ ports: readonly { readonly status: string }[] }>(
        `/v2.0/ports?name=${name}`,
      );
      return ports[0]?.status === status;
    },
    LIMIT_MS,
  );

/** A floating IP that the host translates and announces, and that the gateway passes on to two peers outside. */
export async function expectExplained(
  { host, gateway }: { readonly host: Daemon; readonly gateway: Daemon },
  floating: string,
  fixed: string,
  tap: string,
): Promise<void> {
  const ask = (daemon: Daemon): Promise<ExplainAnswer> => daemon.get(`/api/v1/explain?about=${floating}`);
  const own = await eventually(
    "the host has seen itself in the store",
    async () => {
      const answer = await ask(host);
      return answer.announcements[0]?.conditions.every(({ holds }) => holds) && answer;
    },
    LIMIT_MS,
  );
  expect(own.handling).toMatchObject({ kind: "floating", text: expect.stringContaining("on this machine") });
  expect(own.announcements).toMatchObject([{ prefix: `${floating}/32`, origin: "own", announced: true }]);
  expect(own.kernel).toMatchObject({ prefix: `${floating}/32`, via: [tap], installed: true });
  expect(own.translation.traces[0]).toMatchObject({ verdict: "translated", destination: { address: fixed } });
  const seen = await ask(gateway);
  expect(seen.owners).toContainEqual(expect.objectContaining({ what: "floating IP", name: floating }));
  const passed = seen.announcements.find(({ origin }) => origin === "learned");
  expect(passed).toMatchObject({ prefix: `${floating}/32`, kind: "floating", announced: true });
  const outside = passed!.peers.filter(({ told }) => told.some(({ asPath }) => asPath === "65000"));
  expect(outside).toHaveLength(2);
}
