/** A client of the Networking API that means no good, while a peer just wants to route. */

import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gatewayFile } from "./gateway-file.ts";
import { GoodPeer } from "./good-peer.ts";
import { type Daemon, Lab, PORT } from "./lab.ts";

const OURS = 65_000;
const PEER = 64_513;

let lab: Lab;
let gateway: Daemon;
let peer: GoodPeer;

beforeAll(async () => {
  lab = new Lab();
  const peers = [{ address: lab.address(2), asn: PEER, passive: true }];
  gateway = await lab.start(lab.write("gw.yaml", gatewayFile(lab, "gw", { peers })), lab.path("gw.sock"));
  const side = { gateway: { address: lab.address(1), port: PORT, asn: OURS } };
  peer = await GoodPeer.start({ ...side, address: lab.address(2), asn: PEER });
  await gateway.established(lab.address(2));
});
afterAll(async () => {
  await peer?.stop();
  await lab?.remove();
});

/** The status, or 0 when the connection was closed before all was sent. */
function post(path: string, body: string, method = "POST"): Promise<number> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json" };
    const asked = request(
      { socketPath: lab.path("gw.sock"), path, method, headers, agent: false },
      (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    asked.on("error", () => resolve(0));
    asked.end(body);
  });
}

const HUGE = `{"network":{"name":"${"x".repeat(4 * 1024 * 1024)}"}}`;
const WIDE = JSON.stringify({ networks: Array.from({ length: 20_000 }, () => ({ name: "x" })) });
const KEYS = JSON.stringify({
  network: Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])),
});

test.each<[string, string, string, readonly number[]]>([
  ["more than is read", "/v2.0/networks", HUGE, [413, 0]],
  ["brackets without end", "/v2.0/networks", "[".repeat(500_000), [400]],
  ["no JSON", "/v2.0/networks", '{"network":', [400]],
  ["twenty thousand objects at once", "/v2.0/networks", WIDE, [400]],
  ["fifty thousand attributes", "/v2.0/networks", KEYS, [400]],
  ["a filter of fifteen thousand characters", `/v2.0/ports?${"a=b&".repeat(3000)}`, "", [404, 400]],
  ["a path of nothing", `/v2.0/${"x/".repeat(5000)}`, "{}", [404]],
])("%s: refused, again and again, and the session is what it was", async (_name, path, body, statuses) => {
  const before = await gateway.metric("gatewayd_resident_memory_bytes");
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(path, body)));
    for (const status of answers) expect(statuses).toContain(status);
  }
  expect(await gateway.peer(lab.address(2))).toMatchObject({ state: "established", flaps: 0 });
  expect(peer.flaps).toBe(0);
  expect(gateway.events("gateway.crashed")).toEqual([]);
  expect((await gateway.metric("gatewayd_resident_memory_bytes"))! - before!).toBeLessThan(300_000_000);
});
