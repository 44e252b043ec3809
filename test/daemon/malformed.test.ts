/** Malformed messages, each on a session of its own with a running gateway: the reaction is the RFCs'. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Malformed, malformed, octetsOf, type Vector } from "../vectors/vectors.ts";
import { gatewayFile } from "./gateway-file.ts";
import { type Daemon, eventually, Lab, PORT } from "./lab.ts";
import { announce, keepalive, TYPE } from "./octets.ts";
import { RawPeer } from "./raw-peer.ts";

const OURS = 65_000;
/** The AS of the UPDATEs' paths, and the one of the OPENs. */
const EXTERNAL = 65_001;
const OPENING = 64_512;

let lab: Lab;
let gateway: Daemon;
let witness: RawPeer;

beforeAll(async () => {
  lab = new Lab();
  const config = gatewayFile(lab, "gw", {
    peers: [
      { address: lab.address(2), asn: 64_513, passive: true },
      { range: `${lab.prefix}.16/28`, asn: OURS },
      { range: `${lab.prefix}.32/27`, asn: OPENING },
      { range: `${lab.prefix}.128/25`, asn: EXTERNAL },
    ],
  });
  gateway = await lab.start(lab.write("gw.yaml", config), lab.path("gw.sock"));
  witness = await RawPeer.connect(lab.address(2), lab.address(1), PORT);
  await witness.establish({ asn: 64_513, id: [192, 0, 2, 2], holdSeconds: 0 });
  await gateway.established(lab.address(2));
});
afterAll(async () => {
  witness.drop();
  await lab.remove();
});

/** A session with us has four-octet AS numbers, extended messages, no ADD-PATH and no enhanced refresh. */
function fits({ name, ctx }: Vector<Malformed>): boolean {
  const longer = name === "hdr-len-4097";
  return ctx.as4 && ctx.addPath.length === 0 && !ctx.enhancedRouteRefresh && !longer;
}

const typeOf = (octets: Uint8Array): number => octets[18] ?? 0;
const isOpening = ({ name, hex }: Vector<Malformed>): boolean =>
  typeOf(octetsOf(hex)) === TYPE.open && name !== "hdr-open-4097-extmsg";
/** It takes our AS for 64512. */
const isOurs = ({ ctx }: Vector<Malformed>): boolean => ctx.localRouterId !== undefined;

const opens = malformed.filter((vector) => fits(vector) && isOpening(vector) && !isOurs(vector));
const others = malformed.filter((vector) => fits(vector) && !isOpening(vector));

const next = { [OURS]: 16, [OPENING]: 32, [EXTERNAL]: 128 };
const connect = (asn: keyof typeof next): Promise<RawPeer> =>
  RawPeer.connect(lab.address(next[asn]++), lab.address(1), PORT);

const actionsOf = ({ expect: { action } }: Vector<Malformed>): readonly string[] => [action].flat();
const mayReset = (vector: Vector<Malformed>): boolean =>
  actionsOf(vector).some((action) => action === "session-reset" || action === "afi-safi-disable");
const mayStay = (vector: Vector<Malformed>): boolean =>
  actionsOf(vector).some((action) => action !== "session-reset");

/** The NOTIFICATION is one of those that the RFCs allow, with the data that they prescribe; the log names the peer. */
async function expectReset(peer: RawPeer, from: string, vector: Vector<Malformed>): Promise<void> {
  const words = await peer.lastWords();
  const { acceptable, dataHex } = vector.expect.notification!;
  expect(acceptable.map(([code, subcode]) => `${code}/${subcode}`)).toContain(words);
  const body = peer.has(TYPE.notification)!.body;
  if (dataHex !== undefined) expect(body.subarray(2).toString("hex")).toBe(dataHex);
  await gateway.logged("bgp.notification.sent", { peer: from, code: body[0], subcode: body[1] });
}

async function pathFrom(peer: string, prefix: string): Promise<object | undefined> {
  return (await gateway.route(prefix))?.paths.find((path) => path.peer === peer);
}

describe("instead of a good OPEN", () => {
  test.each(opens)("$name", async (vector) => {
    const peer = await connect(OPENING);
    const from = peer.socket.localAddress!;
    peer.send(octetsOf(vector.hex), keepalive);
    const isUp = (): boolean => peer.has(TYPE.keepalive) !== undefined;
    await eventually("one reaction or the other", () => peer.closed || isUp());
    if (isUp()) {
      expect(mayStay(vector)).toBe(true);
      await gateway.established(from);
    } else {
      expect(mayReset(vector)).toBe(true);
      await expectReset(peer, from, vector);
    }
    peer.drop();
  });
});

describe("in a session", () => {
  test.each(others)("$name", async (vector) => {
    const asn = vector.ctx.peer === "ibgp" ? OURS : EXTERNAL;
    const path = asn === OURS ? [] : [asn];
    const peer = await connect(asn);
    const from = peer.socket.localAddress!;
    await peer.establish({ asn, id: from.split(".").map(Number), holdSeconds: 0 });
    const before = (vector.expect.withdrawnPrefixes ?? []).filter((prefix) => !prefix.includes(":"));
    if (before.length > 0) peer.send(announce(before, path, "198.51.100.9"));
    for (const prefix of before) await eventually(`${prefix} is there`, () => pathFrom(from, prefix));

    const marker = `198.18.${next[asn]}.0/24`;
    peer.send(octetsOf(vector.hex), announce([marker], path, "198.51.100.9"));
    const marked = async (): Promise<boolean> => (await pathFrom(from, marker)) !== undefined;
    await eventually("one reaction or the other", async () => peer.closed || (await marked()));
    if (peer.closed) {
      expect(mayReset(vector)).toBe(true);
      await expectReset(peer, from, vector);
    } else await expectGoesOn(from, vector);
    peer.drop();
  });
});

/** The session is the one that it was, and the routes are what the vector says. */
async function expectGoesOn(from: string, vector: Vector<Malformed>): Promise<void> {
  const { withdrawnPrefixes = [], acceptedPrefixes = [] } = vector.expect;
  expect(mayStay(vector)).toBe(true);
  for (const prefix of withdrawnPrefixes) expect(await pathFrom(from, prefix)).toBeUndefined();
  for (const prefix of acceptedPrefixes) expect(await pathFrom(from, prefix)).toBeDefined();
  expect(await gateway.peer(from)).toMatchObject({ state: "established", flaps: 0 });
  await expectCounted(from, vector);
}

/** What cost routes or attributes is counted, told, and named. */
async function expectCounted(from: string, vector: Vector<Malformed>): Promise<void> {
  const [action, ...more] = actionsOf(vector);
  if (more.length > 0 || (action !== "treat-as-withdraw" && action !== "attribute-discard")) return;
  // RFC 7606 §5.2: what one side takes for a malformed attribute, the other drops as one that has no place here.
  if (action === "attribute-discard" && gateway.events("bgp.update.malformed", { peer: from }).length === 0)
    return;
  await gateway.logged("bgp.update.malformed", { peer: from, reaction: action });
  expect((await gateway.peer(from))?.updateErrors[action]).toBeGreaterThan(0);
}

test("there were enough of them, and nobody else noticed", async () => {
  expect(opens.length).toBeGreaterThan(20);
  expect(others.length).toBeGreaterThan(100);
  expect(witness.closed).toBe(false);
  expect(await gateway.peer(lab.address(2))).toMatchObject({ state: "established", flaps: 0 });
  expect(gateway.events("gateway.crashed")).toEqual([]);
  expect(gateway.text).toBe("");
});
