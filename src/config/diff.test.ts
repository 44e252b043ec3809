import { describe, expect, test } from "vitest";
import type { Model } from "../model/model.ts";
import { report } from "./check.ts";
import { describe as describeChange, diff } from "./diff.ts";
import { load } from "./load.ts";

function modelOf(text: string): Model {
  const loaded = load(text, { file: "g.yaml", hostname: "gw1" });
  if (!loaded.ok) throw new Error(report(loaded));
  return loaded.model;
}

const TEXT = `
bgp:
  asn: 65000
  routerId: 192.0.2.1
  peers:
    - { address: 192.0.2.2, asn: 64512, holdTime: 9s, import: [], export: [{ match: { kind: pool }, then: accept }] }
    - { address: 192.0.2.3, asn: 64512, import: [], export: [] }
    - { range: 192.168.8.0/24, asn: 65000 }
networks: [{ name: public, cidr: 203.0.113.0/24 }]
nat: { private: 10.65.0.0/16, pools: [{ name: default, addresses: 198.51.100.10 }] }
floatingIps: [{ address: 172.16.1.3, to: 10.65.0.13 }]
anycast: [{ name: dns, address: 192.0.2.53, members: [10.65.0.20] }]
ports: [{ interface: tap0, addresses: [10.65.0.13] }]
`;

const base = modelOf(TEXT);

describe("what a reload changes of a peer, in words", () => {
  test("a shutdown ends the session, and its end resets none", () => {
    const down = modelOf(TEXT.replace("holdTime: 9s", "holdTime: 9s, shutdown: moved"));
    const otherwise = modelOf(TEXT.replace("holdTime: 9s", "holdTime: 12s, shutdown: true"));
    const said = (before: Model, after: Model): string[] => diff(before, after).map(describeChange);
    expect(said(base, down)).toEqual(["peer 192.0.2.2: session ends because shutdown changed"]);
    expect(said(down, otherwise)).toEqual(["peer 192.0.2.2: holdTime, shutdown changed, no reset"]);
    expect(said(otherwise, base)).toEqual(["peer 192.0.2.2: holdTime, shutdown changed, no reset"]);
  });
});

describe("what a reload changes, in words", () => {
  test.each([
    ["asn: 64512, holdTime", "asn: 64513, holdTime", ["peer 192.0.2.2: session resets because asn changed"]],
    [
      "holdTime: 9s",
      "holdTime: 12s, port: 1179",
      ["peer 192.0.2.2: session resets because holdTime, port changed"],
    ],
    [
      "holdTime: 9s",
      "holdTime: 9s, ttlSecurity: true",
      ["peer 192.0.2.2: session resets because ttlSecurity changed"],
    ],
    ["kind: pool", "kind: floating", ["peer 192.0.2.2: policy only, no reset"]],
    ["holdTime: 9s", "holdTime: 9s, maxPrefixes: 5", ["peer 192.0.2.2: maxPrefixes changed, no reset"]],
    [
      "holdTime: 9s",
      "holdTime: 9s, shutdown: moved",
      ["peer 192.0.2.2: session ends because shutdown changed"],
    ],
    ["holdTime: 9s", "holdTime: 9000ms, description: ToR", ["peer 192.0.2.2: description changed, no reset"]],
    ["192.168.8.0/24", "192.168.9.0/24", ["peer 192.168.9.0/24 added", "peer 192.168.8.0/24 removed"]],
    ["asn: 65000\n", "asn: 65001\n", ["bgp: every session resets because asn changed"]],
    ["routerId: 192.0.2.1", "routerId: 192.0.2.9", ["bgp: every session resets because routerId changed"]],
    ["  peers:", "  clusterId: 192.0.2.9\n  peers:", ["bgp: every session resets because clusterId changed"]],
    [
      "range: 192.168.8.0/24, asn: 65000",
      "range: 192.168.8.0/24, asn: 65000, routeReflectorClient: true",
      ["peer 192.168.8.0/24: session resets because routeReflectorClient changed"],
    ],
    ["  peers:", "  multipath: 2\n  peers:", ["bgp.multipath changed"]],
    ["  peers:", "  decision: { alwaysCompareMed: true }\n  peers:", ["bgp.decision changed"]],
    ["10.65.0.0/16", "10.64.0.0/15", ["nat.private changed"]],
    ["198.51.100.10", "[198.51.100.10, 198.51.100.11]", ["pool default: addresses changed"]],
    ["to: 10.65.0.13", "to: 10.65.0.14", ["floating IP 172.16.1.3: to changed"]],
    ["172.16.1.3", "172.16.1.4", ["floating IP 172.16.1.4 added", "floating IP 172.16.1.3 removed"]],
    ["203.0.113.0/24 }", "203.0.113.0/24, announce: both }", ["network public: announce changed"]],
    ["[10.65.0.20]", "[10.65.0.20], whenAllFail: keep", ["anycast service dns: whenAllFail changed"]],
    ["tap0", "tap1", ["port tap1 added", "port tap0 removed"]],
    ["networks:", "kernel: { type: none }\nnetworks:", ["kernel changed"]],
  ])("%s → %s", (from, to, said) => {
    const after = modelOf(TEXT.replace(from, to));
    expect(diff(base, after).map(describeChange)).toEqual(said);
  });
});

describe("what is no change", () => {
  test("the order of peers, and how a value is written, change nothing", () => {
    const lines = TEXT.split("\n");
    const [second, third] = [
      lines.findIndex((l) => l.includes("192.0.2.3")),
      lines.findIndex((l) => l.includes("range")),
    ];
    [lines[second], lines[third]] = [lines[third]!, lines[second]!];
    expect(diff(base, modelOf(lines.join("\n")))).toEqual([]);
    expect(
      diff(base, modelOf(TEXT.replace("9s", "9000ms").replace("import: []", "port: 179, import: []"))),
    ).toEqual([]);
  });

  test("only sessions that must reset are said to", () => {
    const reset = (after: string): string[] =>
      diff(base, modelOf(after)).flatMap(({ resets, subject }) => (resets ? [subject] : []));
    expect(
      reset(TEXT.replace("kind: pool", "kind: [pool, floating]").replace("to: 10.65.0.13", "to: 10.65.0.14")),
    ).toEqual([]);
    expect(reset(TEXT.replace("address: 192.0.2.3, asn: 64512", "address: 192.0.2.3, asn: 64514"))).toEqual([
      "peer 192.0.2.3",
    ]);
  });
});

test.each([
  [
    "holdTime: 9s",
    "holdTime: 9s, role: customer, strictRole: true, localAs: 64999",
    ["peer 192.0.2.2: session resets because role, strictRole, localAs changed"],
  ],
  [
    "holdTime: 9s",
    "holdTime: 9s, enforceFirstAs: false, routeServerClient: true",
    ["peer 192.0.2.2: session resets because enforceFirstAs, routeServerClient changed"],
  ],
  [
    "holdTime: 9s",
    "holdTime: 9s, allowOwnAs: 1, removePrivateAs: all, asOverride: true",
    ["peer 192.0.2.2: allowOwnAs, removePrivateAs, asOverride changed, no reset"],
  ],
])("a peer's role and AS numbers: %s → %s", (from, to, said) => {
  expect(diff(base, modelOf(TEXT.replace(from, to))).map(describeChange)).toEqual(said);
});

test("RPKI caches come and go by address and port", () => {
  const caches = "rpki: { caches: [{ address: 192.0.2.10 }, { address: 2001:db8::1, port: 8282 }] }";
  const now = modelOf(TEXT.replace("  peers:", `  ${caches}\n  peers:`));
  const preferred = modelOf(
    TEXT.replace("  peers:", `  ${caches.replace("8282", "8282, preference: 9")}\n  peers:`),
  );
  expect(diff(base, now).map(describeChange)).toEqual([
    "RPKI cache 192.0.2.10:323 added",
    "RPKI cache [2001:db8::1]:8282 added",
  ]);
  expect(diff(now, preferred).map(describeChange)).toEqual([
    "RPKI cache [2001:db8::1]:8282: preference changed",
  ]);
});
