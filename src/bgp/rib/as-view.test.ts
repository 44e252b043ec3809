import { describe, expect, test } from "vitest";
import type { Family } from "../net/address.ts";
import { ipv4, ipv6 } from "../net/address.ts";
import { formatAsPath } from "../wire/as-path-text.ts";
import type { AsPathSegment, PathAttributes } from "../wire/path-attributes.ts";
import { PrefixBatch } from "../wire/prefix-batch.ts";
import { ROLES, type Role } from "../wire/roles.ts";
import { type AsView, frontOf } from "./as-view.ts";
import { type ExportClass, outgoingAttributes } from "./outgoing.ts";
import { SOURCE, type Source } from "./peer-table.ts";
import { attributesWith, exportClassWith, host, Lab, OUR_ADDRESS, OUR_ASN } from "./testing/lab.ts";

const PEER = 64_601;
const PUBLIC = 3356;
/** RFC 6996 §5: the first and the last of both ranges. */
const PRIVATE = [64_512, 65_534, 4_200_000_000, 4_294_967_294];
/** Their neighbours, which are not. */
const NEARLY = [64_511, 65_535, 4_199_999_999, 4_294_967_295];
const VIEW: AsView = {
  remoteAsn: PEER,
  localAsn: OUR_ASN,
  hidesOwnAsn: false,
  removePrivateAs: undefined,
  asOverride: false,
};

const sent = (
  attributes: Partial<PathAttributes>,
  to: Partial<ExportClass>,
  source: Source = SOURCE.external,
): PathAttributes =>
  outgoingAttributes(
    attributesWith(attributes),
    { asn: OUR_ASN, source, originatorId: 1, clusterId: 1 },
    exportClassWith(to),
    undefined,
  );
const sequence = (...asns: number[]): AsPathSegment => ({ type: "sequence", asns });
const set = (...asns: number[]): AsPathSegment => ({ type: "set", asns });
const shown = (view: Partial<AsView>, asPath: readonly AsPathSegment[]): string =>
  formatAsPath(sent({ asPath }, { asView: { ...VIEW, ...view } }).asPath);

describe("AS numbers as an eBGP peer is shown them", () => {
  test.each<[string, Partial<AsView>, readonly AsPathSegment[], string]>([
    ["local-as", { localAsn: 7 }, [sequence(PUBLIC)], `7 ${OUR_ASN} ${PUBLIC}`],
    ["local-as of four octets", { localAsn: 4_200_000_001 }, [], `4200000001 ${OUR_ASN}`],
    ["local-as, replace-as", { localAsn: 7, hidesOwnAsn: true }, [sequence(PUBLIC)], `7 ${PUBLIC}`],
    [
      "all private ones",
      { removePrivateAs: "all" },
      [sequence(...PRIVATE, ...NEARLY)],
      `${OUR_ASN} ${NEARLY.join(" ")}`,
    ],
    [
      "all, in sets too",
      { removePrivateAs: "all" },
      [sequence(PUBLIC), set(64_512, 1), set(64_513)],
      `${OUR_ASN} ${PUBLIC} {1}`,
    ],
    [
      "in place of private ones",
      { removePrivateAs: "replace" },
      [sequence(64_512, PUBLIC)],
      `${OUR_ASN} ${OUR_ASN} ${PUBLIC}`,
    ],
    [
      "in place of private ones, the number that the peer knows",
      { removePrivateAs: "replace", localAsn: 7, hidesOwnAsn: true },
      [sequence(64_512)],
      "7 7",
    ],
    ["if there are only private ones", { removePrivateAs: "if-only" }, [sequence(...PRIVATE)], `${OUR_ASN}`],
    [
      "if there were only private ones",
      { removePrivateAs: "if-only" },
      [sequence(64_512, PUBLIC)],
      `${OUR_ASN} 64512 ${PUBLIC}`,
    ],
    [
      "the peer's own private one stays",
      { removePrivateAs: "all" },
      [sequence(64_512, PEER)],
      `${OUR_ASN} ${PEER}`,
    ],
    ["as-override", { asOverride: true }, [sequence(PEER, PUBLIC, PEER)], `${OUR_ASN} 65000 3356 65000`],
    [
      "as-override, then removal",
      { asOverride: true, removePrivateAs: "all" },
      [sequence(PEER, 64_512, 1)],
      `${OUR_ASN} 1`,
    ],
  ])("%s", (_, view, asPath, expected) => {
    expect(shown(view, asPath)).toBe(expected);
  });
});

describe("our own numbers", () => {
  test("what export policy puts in front stays, private or not", () => {
    const change = (given: PathAttributes) => ({ ...given, asPath: [sequence(64_700), ...given.asPath] });
    const to = exportClassWith({ asView: { ...VIEW, removePrivateAs: "all" } });
    const from = { asn: OUR_ASN, source: SOURCE.external, originatorId: 1, clusterId: 1 };
    const { asPath } = outgoingAttributes(attributesWith({ asPath: [sequence(64_512)] }), from, to, change);
    expect(formatAsPath(asPath)).toBe(`${OUR_ASN} 64700`);
  });

  test("a segment that is full is not overfilled", () => {
    const full = new Array<number>(254).fill(1);
    const { asPath } = sent({ asPath: [sequence(...full)] }, { asView: { ...VIEW, localAsn: 7 } });
    expect(asPath.map(({ asns }) => asns.length)).toEqual([2, 254]);
    expect(frontOf({ ...VIEW, localAsn: OUR_ASN }, OUR_ASN)).toEqual([OUR_ASN]);
  });

  test("to a peer that knows two octets: AS_TRANS in AS_PATH, the truth in AS4_PATH (RFC 6793 §4.2.2)", () => {
    const lab = new Lab();
    const source = lab.addPeer({});
    const target = lab.addPeer({ address: ipv4(9) });
    const asView = { ...VIEW, localAsn: 4_200_000_001 };
    lab.join(target, { as4: false, asView });
    lab.announce(source, [host(1)], attributesWith({ asPath: [sequence(PUBLIC)] }));
    lab.decide();
    lab.send();
    const { octets } = lab.rib.pool.encoded(lab.held.get(target)!.get("10.1.0.1/32")!);
    const hex = Buffer.from(octets).toString("hex");
    // 23456, our 65000, 3356; and the same in four octets each.
    expect(hex).toContain("40020802035ba0fde80d1c");
    expect(hex).toContain("c0110e0203fa56ea010000fde800000d1c");
  });
});

describe("RFC 9234 §5, egress: is it told, and with which OTC", () => {
  const HELD = "only to customers (RFC 9234)";
  const rows: [Role | undefined, { none: number | undefined; marked: number | string }][] = [
    [undefined, { none: undefined, marked: 9 }],
    ["provider", { none: OUR_ASN, marked: 9 }],
    ["rs", { none: OUR_ASN, marked: 9 }],
    ["peer", { none: OUR_ASN, marked: HELD }],
    ["customer", { none: undefined, marked: HELD }],
    ["rs-client", { none: undefined, marked: HELD }],
  ];
  const cases = rows.flatMap(([role, expected]) =>
    ([4, 6] as const).map((family): [Role | "none", Family, typeof expected] => [
      role ?? "none",
      family,
      expected,
    ]),
  );

  test("every role has its row", () => {
    expect(new Set(rows.map(([role]) => role))).toEqual(new Set([undefined, ...ROLES]));
  });

  test.each(cases)("%s, IPv%i", (role, family, { none, marked }) => {
    const nextHop = family === 4 ? ipv4(0xc0000201) : ipv6(0x20010db8, 0, 0, 9);
    const localAddress = family === 4 ? OUR_ADDRESS : ipv6(0x20010db8, 0, 0, 1);
    const told = (onlyToCustomer: number | undefined): number | string | undefined => {
      const lab = new Lab();
      const [source, target] = [lab.addPeer({}), lab.addPeer({ address: ipv4(9) })];
      const rib = lab.rib.of(family);
      const prefix = { family, w0: 0x0a010001, w1: 0, w2: 0, w3: 0, length: 32 } as const;
      const to = exportClassWith({ role: role === "none" ? undefined : role, localAddress });
      const group = rib.exports.join(target, to);
      const attributes = attributesWith({
        nextHop,
        onlyToCustomer,
        partial: onlyToCustomer ? [35] : [],
        // An attribute behind OTC, so that its place is in the middle.
        unknown: [{ code: 200, flags: 0xe0, value: new Uint8Array(1) }],
      });
      const attrs = lab.rib.pool.intern(attributes);
      const batch = new PrefixBatch(1);
      batch.reset(family);
      batch.push(prefix, 0);
      rib.received.announce(source, attrs, batch);
      rib.best.decideSome(10, () => {});
      const reason = group.explain(target, rib.prefixes.find(0x0a010001, 0, 0, 0, 32));
      let sent: PathAttributes | undefined;
      group.drain(10, () => true, {
        announce: (id) => {
          sent = lab.rib.pool.attributes(id);
        },
        withdraw: () => {},
      });
      return sent === undefined ? reason.reason : sent.onlyToCustomer;
    };
    expect([told(undefined), told(9)]).toEqual([none, marked]);
  });

  test("the AS that the peer knows us by is the one in OTC", () => {
    const to = { role: "provider", asView: { ...VIEW, localAsn: 7 } } as const;
    expect(sent({}, to, SOURCE.local).onlyToCustomer).toBe(7);
  });
});

describe("a route server", () => {
  const path = {
    asPath: [sequence(PUBLIC, PEER)],
    med: 5,
    localPref: 200,
    communities: [0xffff_ff01],
    nextHop: ipv4(0xc0000209),
  };
  const to = { routeServerClient: true };

  test.each<[string, Source, Partial<ExportClass>, Partial<PathAttributes>]>([
    [
      "from client to client: as it came",
      SOURCE.served,
      to,
      { asPath: path.asPath, med: 5, nextHop: path.nextHop, localPref: undefined },
    ],
    ["from another peer", SOURCE.external, to, { asPath: [sequence(OUR_ASN, PUBLIC, PEER)], med: undefined }],
    ["our own", SOURCE.local, to, { asPath: [sequence(OUR_ASN, PUBLIC, PEER)] }],
    ["to another peer", SOURCE.served, {}, { asPath: [sequence(OUR_ASN, PUBLIC, PEER)], med: undefined }],
    [
      "to an iBGP peer, next hop self",
      SOURCE.served,
      { external: false, nextHopSelf: true },
      { asPath: path.asPath, med: 5, nextHop: OUR_ADDRESS, localPref: 200 },
    ],
  ])("%s", (_, source, kind, expected) => {
    expect(sent(path, kind, source)).toMatchObject(expected);
  });

  test("communities are the clients' business, even well-known ones (RFC 7947 §2.2.4)", () => {
    const lab = new Lab();
    const client = { routeServerClient: true, asn: PEER };
    const source = lab.addPeer(client);
    const [other, plain] = [
      lab.addPeer({ ...client, address: ipv4(8) }),
      lab.addPeer({ address: ipv4(9), asn: 1 }),
    ];
    lab.join(other, to);
    lab.join(plain);
    lab.announce(source, [host(1)], attributesWith({ communities: [0xffff_ff01] }));
    lab.announce(source, [host(2)], attributesWith({ communities: [0xffff_ff02] }));
    lab.decide();
    lab.send();
    expect([...lab.held.get(other)!.keys()]).toEqual(["10.1.0.1/32", "10.1.0.2/32"]);
    expect([...lab.held.get(plain)!.keys()]).toEqual([]);
  });
});
