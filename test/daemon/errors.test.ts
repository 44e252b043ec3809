/** What a peer does wrong, and what it may pass through us, on a running gateway: raw peers, gwctl, a reload. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PeerErrorAnswer, ReceivedAnswer } from "../../src/api/schema.ts";
import { gatewayFile, type PeerEntry, type Written } from "./gateway-file.ts";
import { type Daemon, eventually, Lab, PORT } from "./lab.ts";
import { announce, message, TYPE, u16 } from "./octets.ts";
import { RawPeer } from "./raw-peer.ts";

const TELLER = 64_513;
const LISTENER = 64_514;

let lab: Lab;
let gateway: Daemon;
let teller: RawPeer;
let listener: RawPeer;

const configured = (listens: PeerEntry = {}): Written =>
  gatewayFile(lab, "gw", {
    peers: [
      { address: lab.address(2), asn: TELLER, passive: true, maxAsPathLength: 3, maxCommunities: 2 },
      { address: lab.address(3), asn: LISTENER, passive: true, ...listens },
    ],
  });

beforeAll(async () => {
  lab = new Lab();
  gateway = await lab.start(lab.write("gw.yaml", configured()), lab.path("gw.sock"));
  const connected = (last: number): Promise<RawPeer> =>
    RawPeer.connect(lab.address(last), lab.address(1), PORT);
  teller = await connected(2);
  listener = await connected(3);
  await teller.establish({ asn: TELLER, id: [192, 0, 2, 2], holdSeconds: 0 });
  await listener.establish({ asn: LISTENER, id: [192, 0, 2, 3], holdSeconds: 0 });
  await gateway.established(lab.address(2), lab.address(3));
});
afterAll(async () => {
  teller.drop();
  listener.drop();
  await lab.remove();
});

/** An announcement with more attributes behind those that every path has. */
function withMore(prefix: string, more: readonly number[], path: readonly number[] = [TELLER]): Buffer {
  const body = [...announce([prefix], path, "198.51.100.9").subarray(19)];
  const attributesEnd = 4 + body[2]! * 256 + body[3]!;
  const attributes = [...body.slice(4, attributesEnd), ...more];
  return message(TYPE.update, [0, 0, ...u16(attributes.length), ...attributes, ...body.slice(attributesEnd)]);
}

const attributesTold = (): string[] =>
  listener.messages.filter(({ type }) => type === TYPE.update).map(({ body }) => body.toString("hex"));
const received = async (prefix: string): Promise<ReceivedAnswer | undefined> => {
  const path = `/api/v1/received?peer=${lab.address(2)}&prefix=${prefix}`;
  return (await gateway.get<readonly ReceivedAnswer[]>(path))[0];
};

const UNKNOWN = [0xc0, 99, 3, 0xaa, 0xbb, 0xcc];

test("an attribute that nobody knows is passed on once that is asked for, on the session that is there", async () => {
  teller.send(withMore("198.18.1.0/24", UNKNOWN));
  await eventually("the route", () => listener.told.has("198.18.1.0/24"));
  expect(attributesTold().join()).not.toContain("aabbcc");
  lab.write("gw.yaml", configured({ passUnknownAttributes: true }));
  expect((await gateway.reload()).event).toBe("config.loaded");
  await eventually("the attribute, with the Partial bit", () =>
    attributesTold().join().includes("e06303aabbcc"),
  );
  expect(await gateway.peer(lab.address(3))).toMatchObject({ state: "established", flaps: 0 });
});

describe("limits of one peer", () => {
  test.each([
    ["198.18.2.0/24", [], [TELLER, 1, 2, 3], "limit.maxAsPathLength"],
    [
      "198.18.3.0/24",
      [0xc0, 8, 12, ...[0, 1, 0, 1], ...[0, 1, 0, 2], ...[0, 1, 0, 3]],
      [TELLER],
      "limit.maxCommunities",
    ],
  ])("%s", async (prefix, more, path, rule) => {
    teller.send(withMore(prefix, more, path));
    const route = await eventually("the route is held", () => received(prefix));
    expect(route).toMatchObject({ accepted: false, rule });
    expect((await gateway.route(prefix))?.paths[0]?.status).toBe("rejected");
  });
});

test("gwctl shows what was wrong, octet by octet; the peer's page counts it", async () => {
  const wrong = withMore("198.18.4.0/24", [], [TELLER, 0]);
  teller.send(wrong);
  await gateway.logged("bgp.update.malformed", { peer: lab.address(2), rfc: "RFC 7607 section 2" });
  const [error] = await gateway.get<readonly PeerErrorAnswer[]>(`/api/v1/errors?peer=${lab.address(2)}`);
  expect(error).toMatchObject({
    message: "UPDATE",
    reaction: "treat-as-withdraw",
    octets: wrong.toString("hex"),
    faults: [{ text: "AS_PATH: AS 0", attribute: 2, rfc: "RFC 7607 section 2" }],
  });
  const { status, stdout } = await gateway.gwctl("show", "errors", lab.address(2));
  expect(status).toBe(0);
  expect(stdout).toContain(`UPDATE of ${wrong.length} octets: treat-as-withdraw`);
  expect(stdout).toMatch(/^ {2}0000 {2}(?:ff ){16}/m);
  const page = (await gateway.gwctl("show", "peer", lab.address(2))).stdout;
  expect(page).toContain("1 treat-as-withdraw");
  expect(page).toMatch(/^Connection +with our 127\.[\d.]+, opened by the peer$/m);
  expect(page).toMatch(/^four octet as +65000 +64513$/m);
  const unknown = await gateway.gwctl("show", "errors", "192.0.2.77");
  expect([unknown.status, unknown.stdout]).toEqual([3, ""]);
});
