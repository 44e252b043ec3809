/**
 * RFC 7606 and what adds to it, rule by rule, on a running session: what an error costs, what is said of it, and that
 * it is the same for the prefixes of the body and those of MP_REACH_NLRI. The octets are written out here.
 */

import { describe, expect, test } from "vitest";
import type { Reaction } from "../wire/fault.ts";
import type { PeerOptions } from "./options.ts";
import { best, type Node } from "./testing/nodes.ts";
import { attribute, CAPABILITY, KEEPALIVE, message, open, type RawPeer, scene } from "./testing/raw-peer.ts";
import type { VirtualNetwork } from "./testing/virtual-network.ts";

/** Another AS with 4-octet numbers; ours; another AS that knows two octets. */
type Kind = "ebgp" | "ibgp" | "old";

/** An UPDATE, part by part, each in hex. */
interface Parts {
  readonly withdrawn: string;
  readonly mpUnreach: string;
  readonly mpReach: string;
  readonly origin: string;
  readonly asPath: string;
  readonly nextHop: string;
  readonly more: string;
  readonly nlri: string;
}

const PREFIX4 = "18c00002";
const PREFIX6 = "3020010db80001";
const HOP6 = "20010db8000000000000000000000002";
const BOTH = ["192.0.2.0/24 via 10.0.0.2", "2001:db8:1::/48 via 2001:db8::2"];

const reachOf = (hop: string, nlri: string = PREFIX6): string =>
  attribute(0x80, 14, `000201${(hop.length / 2).toString(16).padStart(2, "0")}${hop}00${nlri}`);
const PATH: Record<Kind, string> = { ebgp: "02010000fdea", ibgp: "", old: "0201fdea" };

const good = (kind: Kind): Parts => ({
  withdrawn: "",
  mpUnreach: "",
  mpReach: reachOf(HOP6),
  origin: "40010100",
  asPath: attribute(0x40, 2, PATH[kind]),
  nextHop: "4003040a000002",
  more: kind === "ibgp" ? "40050400000064" : "",
  nlri: PREFIX4,
});

function updateOf(kind: Kind, changes: Partial<Parts>): string {
  const parts = { ...good(kind), ...changes };
  const { mpReach, mpUnreach, origin, asPath, nextHop, more } = parts;
  const attributes = [mpReach, mpUnreach, origin, asPath, nextHop, more].join("");
  const length = (octets: string): string => (octets.length / 2).toString(16).padStart(4, "0");
  return message(
    2,
    `${length(parts.withdrawn)}${parts.withdrawn}${length(attributes)}${attributes}${parts.nlri}`,
  );
}

interface Scene {
  readonly net: VirtualNetwork;
  readonly ours: Node;
  readonly raw: RawPeer;
}

/** An established session, on which both prefixes have been announced. */
function established(kind: Kind, more: Partial<PeerOptions> = {}): Scene {
  const asn = kind === "ibgp" ? 65001 : 65002;
  const begun = scene({ remoteAsn: asn, families: [4, 6], ...more });
  const { ipv4, ipv6, as4 } = CAPABILITY;
  const capabilities = [ipv4, ipv6, ...(kind === "old" ? [] : [as4(asn)])];
  begun.raw.say(open("04", asn.toString(16), "005a", "0a000002", ...capabilities), KEEPALIVE);
  begun.raw.say(updateOf(kind, {}));
  begun.net.run(20);
  expect(best(begun.ours)).toEqual(BOTH);
  return begun;
}

const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");
const NO_NLRI = { mpReach: "", nlri: "" };
const WITHDRAWS = { ...NO_NLRI, withdrawn: "18c63364" };
const R = (section: string): string => `RFC 7606 section ${section}`;
const TAW = "treat-as-withdraw";
const DISCARD = "attribute-discard";
const RESET = "session-reset";
const AS_SET = "01010000fdeb";
/** Announces AS 65002 and the set, whichever width. */
const pathOf = (...segments: string[]): string => attribute(0x40, 2, segments.join(""));

type Row = [
  rfc: string,
  what: string,
  kind: Kind,
  changes: Partial<Parts>,
  reaction: Reaction,
  attribute: number | undefined,
  /** Of the NOTIFICATION, where the session is lost. */
  subcode?: string,
];

const ROWS: readonly Row[] = [
  [R("3(c)"), "ORIGIN optional", "ebgp", { origin: "c0010100" }, TAW, 1],
  [R("3(c)"), "AS_PATH not transitive", "ebgp", { asPath: attribute(0, 2, PATH.ebgp) }, TAW, 2],
  [R("3(c)"), "NEXT_HOP optional", "ebgp", { nextHop: "c003040a000002" }, TAW, 3],
  [R("3(c)"), "MULTI_EXIT_DISC transitive", "ebgp", { more: "c0040400000001" }, TAW, 4],
  [R("3(c)"), "LOCAL_PREF optional", "ibgp", { more: "c0050400000001" }, TAW, 5],
  [R("3(c)"), "ATOMIC_AGGREGATE optional", "ebgp", { more: "c00600" }, TAW, 6],
  [R("3(c)"), "AGGREGATOR well-known", "ebgp", { more: "4007080000fdea0a000002" }, TAW, 7],
  [R("3(c)"), "COMMUNITIES not transitive", "ebgp", { more: "800804fde90001" }, TAW, 8],
  [R("3(c)"), "ORIGINATOR_ID transitive", "ibgp", { more: "c009040a000003" }, TAW, 9],
  [R("3(c)"), "CLUSTER_LIST transitive", "ibgp", { more: "c00a040a000003" }, TAW, 10],
  [R("3(c)"), "EXTENDED_COMMUNITIES not transitive", "ebgp", { more: "8010080002fde900000001" }, TAW, 16],
  [R("3(c)"), "LARGE_COMMUNITIES well-known", "ebgp", { more: "40200c0000fde90000000100000002" }, TAW, 32],
  [R("3(d)"), "no ORIGIN", "ebgp", { origin: "" }, TAW, 1],
  [R("3(d)"), "no AS_PATH", "ebgp", { asPath: "" }, TAW, 2],
  [R("3(d)"), "no NEXT_HOP for the body", "ebgp", { nextHop: "" }, TAW, 3],
  [R("3(g)"), "ORIGIN twice", "ebgp", { more: "40010102" }, DISCARD, 1],
  [R("3(g)"), "COMMUNITIES twice", "ebgp", { more: "c00804fde90001c00804fde90002" }, DISCARD, 8],
  [R("3(g)"), "an unknown attribute twice", "ebgp", { more: "c06301aac06301bb" }, DISCARD, 99],
  [R("3(g)"), "MP_REACH_NLRI twice", "ebgp", { more: reachOf(HOP6) }, RESET, undefined, "01"],
  [R("3(g)"), "MP_UNREACH_NLRI twice", "ebgp", { more: "800f03000201800f03000201" }, RESET, undefined, "01"],
  [R("7.1"), "the stronger of two errors (3(h))", "ebgp", { origin: "40010109", more: "40060100" }, TAW, 1],
  [R("3(j)"), "MP_REACH_NLRI cut short", "ebgp", { more: "800eff" }, RESET, undefined, "01"],
  [R("4"), "a value longer than the attributes", "ebgp", { more: "c008ff" }, TAW, undefined],
  [R("4"), "two octets left", "ebgp", { more: "c008" }, TAW, undefined],
  [R("4"), "three octets left, length of two", "ebgp", { more: "d00800" }, TAW, undefined],
  [
    R("5.2"),
    "ORIGIN 9 with routes only withdrawn",
    "ebgp",
    { ...WITHDRAWS, origin: "40010109" },
    RESET,
    1,
    "06",
  ],
  [
    R("5.2"),
    "cut attributes, routes only withdrawn",
    "ebgp",
    { ...WITHDRAWS, more: "c008" },
    RESET,
    undefined,
    "01",
  ],
  [R("5.3"), "IPv4 prefix of 33 bits", "ebgp", { nlri: "21c000020000" }, RESET, undefined, "0a"],
  [R("5.3"), "IPv4 prefix cut short", "ebgp", { nlri: "18c000" }, RESET, undefined, "0a"],
  [
    R("5.3"),
    "withdrawn prefix of 33 bits (3(i))",
    "ebgp",
    { withdrawn: "21c000020000" },
    RESET,
    undefined,
    "0a",
  ],
  [R("5.3"), "IPv6 prefix of 129 bits", "ebgp", { mpReach: reachOf(HOP6, `81${HOP6}00`) }, RESET, 14, "09"],
  [R("5.3"), "MP_UNREACH_NLRI well-known", "ebgp", { mpUnreach: "400f03000201" }, RESET, 15, "04"],
  [R("7.1"), "ORIGIN of two octets", "ebgp", { origin: "4001020000" }, TAW, 1],
  [R("7.1"), "ORIGIN of none", "ebgp", { origin: "400100" }, TAW, 1],
  [R("7.1"), "ORIGIN 3", "ebgp", { origin: "40010103" }, TAW, 1],
  [R("7.2"), "segment type 5", "ebgp", { asPath: pathOf(PATH.ebgp, "05010000fdea") }, TAW, 2],
  [R("7.2"), "segment longer than the path", "ebgp", { asPath: pathOf("02020000fdea") }, TAW, 2],
  [R("7.2"), "one octet behind the last segment", "ebgp", { asPath: pathOf(PATH.ebgp, "02") }, TAW, 2],
  [R("7.2"), "segment of no AS", "ebgp", { asPath: pathOf(PATH.ebgp, "0200") }, TAW, 2],
  [R("7.3"), "NEXT_HOP of five octets", "ebgp", { nextHop: "4003050a00000200" }, TAW, 3],
  [R("7.4"), "MULTI_EXIT_DISC of three octets", "ebgp", { more: "800403000001" }, TAW, 4],
  [R("7.5"), "LOCAL_PREF of three octets", "ibgp", { more: "400503000001" }, TAW, 5],
  [R("7.5"), "LOCAL_PREF from another AS", "ebgp", { more: "40050400000001" }, DISCARD, 5],
  [R("7.6"), "ATOMIC_AGGREGATE of one octet", "ebgp", { more: "40060100" }, DISCARD, 6],
  [R("7.7"), "AGGREGATOR of six octets", "ebgp", { more: "c00706fdea0a000002" }, DISCARD, 7],
  [R("7.7"), "AGGREGATOR of eight, with 2-octet AS", "old", { more: "c007080000fdea0a000002" }, DISCARD, 7],
  [R("7.8"), "COMMUNITIES of five octets", "ebgp", { more: "c00805fde9000100" }, TAW, 8],
  [R("7.8"), "COMMUNITIES of none", "ebgp", { more: "c00800" }, TAW, 8],
  [R("7.9"), "ORIGINATOR_ID of five octets", "ibgp", { more: "8009050a00000300" }, TAW, 9],
  [R("7.9"), "ORIGINATOR_ID from another AS", "ebgp", { more: "8009040a000003" }, DISCARD, 9],
  [R("7.10"), "CLUSTER_LIST of three octets", "ibgp", { more: "800a030a0000" }, TAW, 10],
  [R("7.10"), "CLUSTER_LIST from another AS", "ebgp", { more: "800a040a000003" }, DISCARD, 10],
  [R("7.11"), "next hop of nine octets", "ebgp", { mpReach: reachOf("20010db80000000000") }, RESET, 14, "09"],
  [R("7.11"), "MP_REACH_NLRI of four octets", "ebgp", { mpReach: "800e0400020110" }, RESET, 14, "09"],
  [R("7.12"), "MP_UNREACH_NLRI of two octets", "ebgp", { mpUnreach: "800f020002" }, RESET, 15, "09"],
  [R("7.14"), "EXTENDED_COMMUNITIES of seven octets", "ebgp", { more: "c010070002fde9000000" }, TAW, 16],
  [R("7.15"), "IPV6_EXTENDED_COMMUNITIES of two octets", "ebgp", { more: "c019020002" }, TAW, 25],
  [
    "RFC 8092 section 6",
    "LARGE_COMMUNITIES of eleven octets",
    "ebgp",
    { more: `c0200b${"01".repeat(11)}` },
    TAW,
    32,
  ],
  ["RFC 8092 section 6", "LARGE_COMMUNITIES of none", "ebgp", { more: "c02000" }, TAW, 32],
  ["RFC 9234 section 5", "ONLY_TO_CUSTOMER of three octets", "ebgp", { more: "c02303000001" }, TAW, 35],
  ["RFC 4271 section 6.3", "an unknown well-known attribute", "ebgp", { more: "40630100" }, RESET, 99, "02"],
  ["RFC 4271 section 6.3", "first AS of another", "ebgp", { asPath: pathOf("02010000fdeb") }, TAW, 2],
  [
    "RFC 4271 section 6.3",
    "NEXT_HOP is 127.0.0.1, MP_REACH_NLRI is fine",
    "ebgp",
    { nextHop: "4003047f000001" },
    TAW,
    3,
  ],
  [
    "RFC 4271 section 6.3",
    "NEXT_HOP is ours, MP_REACH_NLRI is fine",
    "ebgp",
    { nextHop: "4003040a000001" },
    TAW,
    3,
  ],
  [
    "RFC 4271 section 6.3",
    "MP next hop is ::1, the body is fine",
    "ebgp",
    { mpReach: reachOf(`${"0".repeat(31)}1`) },
    TAW,
    14,
  ],
  ["RFC 7607 section 2", "AS 0 in the path", "ebgp", { asPath: pathOf("02020000fdea00000000") }, TAW, 2],
  ["RFC 7607 section 2", "AS 0 in AGGREGATOR", "ebgp", { more: "c00708000000000a000002" }, DISCARD, 7],
  ["RFC 7607 section 2", "AS 0 in AS4_PATH", "old", { more: "c01106020100000000" }, DISCARD, 17],
  ["RFC 7607 section 2", "AS 0 in AS4_AGGREGATOR", "old", { more: "c01208000000000a000002" }, DISCARD, 18],
  ["RFC 6793 section 6", "AS4_PATH of five octets", "old", { more: "c011050201000000" }, DISCARD, 17],
  ["RFC 6793 section 6", "AS4_PATH with segment type 9", "old", { more: "c01106090100011170" }, DISCARD, 17],
  [
    "RFC 6793 section 6",
    "AS4_PATH with 4-octet AS numbers",
    "ebgp",
    { more: "c01106020100011170" },
    DISCARD,
    17,
  ],
  [
    "RFC 6793 section 6",
    "AS4_AGGREGATOR of seven octets",
    "old",
    { more: "c012070001117000000a" },
    DISCARD,
    18,
  ],
  [
    "RFC 6793 section 6",
    "AS4_AGGREGATOR with 4-octet AS numbers",
    "ebgp",
    { more: "c01208000111700a000002" },
    DISCARD,
    18,
  ],
  ["RFC 9774 section 3", "AS_SET", "ebgp", { asPath: pathOf(PATH.ebgp, AS_SET) }, TAW, 2],
  [
    "RFC 9774 section 3",
    "AS_SET in AS4_PATH",
    "old",
    {
      asPath: pathOf("0202fdea5ba0"),
      more: attribute(0xc0, 17, "02010000fdea010100011170"),
    },
    TAW,
    2,
  ],
  ["RFC 9774 section 3", "AS_CONFED_SET within our AS", "ibgp", { asPath: pathOf("04010000fdeb") }, TAW, 2],
  [
    "RFC 5065 section 5",
    "AS_CONFED_SEQUENCE from another AS",
    "ebgp",
    { asPath: pathOf("03010000fdeb", PATH.ebgp) },
    TAW,
    2,
  ],
];

test.each<Row>(ROWS)("%s: %s (%s)", (rfc, _, kind, changes, reaction, code, subcode) => {
  const { net, ours, raw } = established(kind);
  const said = updateOf(kind, changes);
  raw.say(said);
  net.run(20);
  const [peer] = ours.speaker.peers();
  expect(best(ours)).toEqual(reaction === DISCARD ? BOTH : []);
  expect(peer!.state).toBe(reaction === RESET ? "idle" : "established");
  const none = { [DISCARD]: 0, [TAW]: 0, [RESET]: 0 };
  expect(peer!.updateErrors).toEqual({ ...none, [reaction]: 1 });
  const [offence] = peer!.offendingMessages;
  expect({ reaction: offence!.reaction, hex: hexOf(offence!.octets) }).toEqual({ reaction, hex: said });
  const fault = offence!.faults.find((each) => each.reaction === reaction);
  expect([fault?.rfc, fault?.attribute]).toEqual([rfc, code]);
  const told = ours.events.filter((event) => event.on === "malformed-update");
  expect(told).toMatchObject([{ reaction, rfc, attribute: code }]);
  if (subcode === undefined) expect(raw.notification()).toBeUndefined();
  else expect(raw.notification()!.slice(0, 4)).toBe(`03${subcode}`);
});

describe("what is no error", () => {
  test.each<[string, Kind, Partial<Parts>]>([
    ["an unknown optional attribute, transitive (RFC 4271 §5)", "ebgp", { more: "c06301aa" }],
    ["an unknown optional attribute, not transitive (RFC 4271 §5)", "ebgp", { more: "806301aa" }],
    ["an unknown attribute without a value", "ebgp", { more: "c06300" }],
    [
      "a large community twice (RFC 8092 §6)",
      "ebgp",
      { more: attribute(0xc0, 32, "0000fde90000000100000002".repeat(2)) },
    ],
    ["a length of two octets where one is enough", "ebgp", { origin: "5001000100" }],
    ["flag bits that mean nothing", "ebgp", { origin: "4f010100" }],
    ["AS_CONFED_SEQUENCE within our AS", "ibgp", { asPath: pathOf("03010000fdeb") }],
    ["MP_UNREACH_NLRI of a family that we do not speak", "ebgp", { mpUnreach: "800f050019460102" }],
  ])("%s", (_, kind, changes) => {
    const { net, ours, raw } = established(kind);
    raw.say(updateOf(kind, changes));
    net.run(20);
    expect(best(ours)).toEqual(BOTH);
    expect(ours.speaker.peers()[0]!.offendingMessages).toEqual([]);
  });

  test("NEXT_HOP beside nothing but MP_REACH_NLRI is not looked at (RFC 4760 §3)", () => {
    const { net, ours, raw } = established("ebgp");
    raw.say(updateOf("ebgp", { nlri: "", nextHop: "4003050000000000" }));
    net.run(20);
    expect(best(ours)).toEqual(BOTH);
  });
});

test("a repeated large community is told once, and passed on once (RFC 8092 §3)", () => {
  const { net, ours, raw } = established("ebgp");
  const one = "0000fde90000000100000002";
  for (let i = 0; i < 2; i++) raw.say(updateOf("ebgp", { more: attribute(0xc0, 32, one + one) }));
  net.run(20);
  const [route] = [...ours.speaker.received(ours.speaker.peers()[0]!.address)];
  expect(route!.received.largeCommunities).toEqual([[65001, 1, 2]]);
});

test("an error leaves what other UPDATEs said as it is", () => {
  const { net, ours, raw } = established("ebgp");
  raw.say(updateOf("ebgp", { mpReach: "", nlri: "18c63364" }));
  raw.say(updateOf("ebgp", { mpReach: "", nlri: "18c63364", origin: "40010109" }));
  net.run(20);
  expect(best(ours)).toEqual(BOTH);
});

test("who must may accept AS_SETs; nobody is told of such a route (RFC 9774 §3)", () => {
  const { net, ours, raw } = established("ebgp", { acceptAsSets: true });
  raw.say(updateOf("ebgp", { asPath: pathOf(PATH.ebgp, AS_SET) }));
  net.run(20);
  expect(best(ours)).toEqual(BOTH);
  expect(ours.speaker.peers()[0]!.offendingMessages).toEqual([]);
});
