import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import type { LargeCommunity } from "../bgp/net/communities.ts";
import { compilePolicy } from "../bgp/policy/evaluate.ts";
import type { Policy } from "../bgp/policy/rules.ts";
import { originatedAttributes, type PathAttributes } from "../bgp/wire/path-attributes.ts";
import type { Kind, Model, Peer, Rule, RuleMatch } from "../model/model.ts";
import { PEER } from "../model/testing/values.ts";
import { kindCommunity, kindOf, tagOf } from "./kinds.ts";
import { peerOptions, speakerOptions } from "./speaker-plan.ts";
import { address, floatingIp, model, network, PRIVATE, prefix, service } from "./testing/values.ts";

const peer = (changes: Partial<Peer> = {}): Peer => ({
  ...PEER,
  remote: { address: address("192.168.8.11") },
  holdMs: 9000,
  families: [4],
  ...changes,
});

const rule = (match: Partial<RuleMatch>, then: Rule["then"] = "accept"): Rule => ({
  match: { prefixes: undefined, within: undefined, lengths: undefined, kinds: undefined, ...match },
  then,
  set: undefined,
});

const EDGE = model({
  role: "gateway",
  networks: [network("203.0.113.0/24", "aggregate"), { ...network("198.18.0.0/24", "hosts"), name: "hosts" }],
  nat: PRIVATE,
  floatingIps: ["172.16.1.2", "172.16.1.3"].map((from) => floatingIp(from, "10.65.0.13")),
  anycast: [service()],
});

const withPeer = (changes: Partial<Peer>, base: Model = EDGE): Model => ({
  ...base,
  bgp: { ...base.bgp, peers: [peer(changes)] },
});

interface Judged {
  readonly accepted: boolean;
  readonly rule: string;
  readonly kind: Kind;
  readonly large: readonly LargeCommunity[];
}

function judge(policy: Policy, to: string, tag = 0, large: readonly LargeCommunity[] = []): Judged {
  const filter = compilePolicy(policy);
  const attributes: PathAttributes = { ...originatedAttributes(ipv4(1)), largeCommunities: large };
  const { family, w0, w1, w2, w3, length } = prefix(to);
  const verdict = filter.judge(filter.classify(attributes), family, w0, w1, w2, w3, length, tag, 0);
  const after = verdict.change?.(attributes) ?? attributes;
  return {
    accepted: verdict.accepted,
    rule: verdict.rule,
    kind: kindOf(verdict.tag ?? tag),
    large: after.largeCommunities,
  };
}

const importOf = (changes: Partial<Peer>, base?: Model): Policy =>
  peerOptions(withPeer(changes, base))[0]!.importPolicy;
const exportOf = (changes: Partial<Peer>, base?: Model): Policy =>
  peerOptions(withPeer(changes, base))[0]!.exportPolicy;
const says = (kind: Kind): readonly LargeCommunity[] => [kindCommunity(65000, kind)];
const EXTERNAL = { asn: 64512 };
const ALL = [rule({})];

describe("what kind a learned route is", () => {
  test.each<[string, readonly LargeCommunity[], Kind]>([
    ["0.0.0.0/0", [], "default"],
    ["::/0", says("floating"), "default"],
    ["192.0.2.53/32", says("host"), "anycast"],
    ["203.0.113.7/32", says("public"), "host"],
    ["198.18.0.7/32", [], "public"],
    ["172.16.9.9/32", says("floating"), "floating"],
    ["8.8.8.8/32", [], "other"],
  ])("%s with %j from one of ours is %s", (to, large, kind) => {
    expect(judge(importOf({}), to, 0, large)).toMatchObject({ accepted: true, kind });
  });

  test("what an outsider says about kinds is not believed, and not passed on", () => {
    const imported = judge(importOf({ ...EXTERNAL, importRules: ALL }), "8.8.8.0/24", 0, says("floating"));
    expect(imported).toMatchObject({ accepted: true, kind: "other", large: [] });
  });

  test("kinds travel between our own speakers, one at a time, and leave to nobody else", () => {
    const stale = says("other");
    expect(judge(exportOf({}), "172.16.1.3/32", tagOf("floating"), stale).large).toEqual(says("floating"));
    const outside = exportOf({ ...EXTERNAL, exportRules: ALL });
    expect(judge(outside, "172.16.1.3/32", tagOf("floating"), stale).large).toEqual([]);
  });
});

describe("what no configuration can turn off", () => {
  test.each([
    ["10.65.0.0/16", false],
    ["10.65.7.0/24", false],
    ["203.0.113.0/24", false],
    ["203.0.113.128/25", false],
    ["198.51.100.10/32", false],
    ["172.16.1.2/32", false],
    ["172.16.1.3/32", false],
    ["172.16.1.4/32", true],
    ["0.0.0.0/0", true],
  ])("from outside, %s: %s", (to, accepted) => {
    expect(judge(importOf({ ...EXTERNAL, importRules: ALL }), to).accepted).toBe(accepted);
  });

  test.each([
    ["10.65.0.0/16", false],
    ["10.65.0.13/32", false],
    ["203.0.113.0/24", true],
  ])("to outside, %s: %s", (to, accepted) => {
    expect(judge(exportOf({ ...EXTERNAL, exportRules: ALL }), to, tagOf("host")).accepted).toBe(accepted);
  });

  test("private addresses go between our own speakers", () => {
    expect(judge(exportOf({}), "10.65.0.13/32", tagOf("host")).accepted).toBe(true);
    expect(judge(importOf({}), "10.65.0.13/32").accepted).toBe(true);
  });
});

describe("configured rules", () => {
  test("without any, an outsider is sent and believed nothing (RFC 8212), and one of ours everything", () => {
    expect(judge(importOf(EXTERNAL), "8.8.8.0/24").accepted).toBe(false);
    expect(judge(exportOf(EXTERNAL), "203.0.113.0/24", tagOf("public")).accepted).toBe(false);
    expect(judge(importOf({}), "8.8.8.0/24").accepted).toBe(true);
  });

  test("the first to match decides, the rest is rejected, and the reason names it", () => {
    const exportRules = [rule({ kinds: ["floating"] }, "reject"), rule({ kinds: ["floating", "public"] })];
    const policy = exportOf({ ...EXTERNAL, exportRules });
    expect(judge(policy, "172.16.1.3/32", tagOf("floating"))).toMatchObject({
      accepted: false,
      rule: "export[0]",
    });
    expect(judge(policy, "203.0.113.0/24", tagOf("public"))).toMatchObject({
      accepted: true,
      rule: "export[1]",
    });
    expect(judge(policy, "192.0.2.53/32", tagOf("anycast"))).toMatchObject({
      accepted: false,
      rule: "otherwise",
    });
  });

  test.each<[string, Partial<RuleMatch>, readonly string[], readonly string[]]>([
    ["prefixes", { prefixes: [prefix("8.8.0.0/16")] }, ["8.8.0.0/16"], ["8.8.8.0/24"]],
    ["within", { within: [prefix("8.8.0.0/16")] }, ["8.8.0.0/16", "8.8.8.8/32"], ["8.0.0.0/8"]],
    [
      "within and lengths",
      { within: [prefix("8.8.0.0/16")], lengths: { min: 24, max: 24 } },
      ["8.8.8.0/24"],
      ["8.8.0.0/16", "8.8.8.8/32"],
    ],
    ["lengths alone", { lengths: { min: 24, max: 25 } }, ["9.9.9.0/24", "2001:d00::/25"], ["9.9.0.0/16"]],
    [
      "prefixes that are not within",
      { prefixes: [prefix("9.9.0.0/16"), prefix("8.8.0.0/16")], within: [prefix("8.0.0.0/8")] },
      ["8.8.0.0/16"],
      ["9.9.0.0/16"],
    ],
    [
      "lengths that cannot be",
      { within: [prefix("8.8.0.0/16")], lengths: { min: 0, max: 8 } },
      [],
      ["8.0.0.0/8"],
    ],
  ])("%s", (_, match, yes, no) => {
    const policy = importOf({ importRules: [rule(match)] });
    for (const to of yes) expect([to, judge(policy, to).accepted]).toEqual([to, true]);
    for (const to of no) expect([to, judge(policy, to).accepted]).toEqual([to, false]);
  });
});

test("peers with the same rules share their policies, so that they are one update group", () => {
  const base = withPeer({ ...EXTERNAL, exportRules: ALL });
  const two = {
    ...base,
    bgp: { ...base.bgp, peers: [peer({ ...EXTERNAL, exportRules: [rule({})] }), ...base.bgp.peers] },
  };
  const [first, second] = peerOptions(two);
  expect(first?.exportPolicy).toBe(second?.exportPolicy);
});

test("what a speaker and a peer are told besides", () => {
  const gracefulRestart = { restartMs: 120_000, notification: true, staleMs: 360_000 };
  const base = withPeer({ remote: { range: prefix("192.168.8.0/24") } });
  const told = { ...base, bgp: { ...base.bgp, gracefulRestart } };
  expect(speakerOptions(told, true)).toEqual({
    asn: 65000,
    routerId: address("192.168.8.11"),
    multipath: 8,
    multipathRelax: true,
    decision: { alwaysCompareMed: false, missingMedAsWorst: false },
    gracefulRestart: { restartSeconds: 120, notification: true, restarting: true, staleSeconds: 360 },
    advertiseInstalledOnly: true,
    tracksNextHops: true,
  });
  expect(speakerOptions(told, false).gracefulRestart).toMatchObject({ restarting: false });
  const announcing: Model = { ...told, kernel: { ...told.kernel, type: "none" } };
  expect(speakerOptions(announcing, false).gracefulRestart).toMatchObject({ restarting: true });
  expect(peerOptions(told)[0]).toMatchObject({
    remote: { range: prefix("192.168.8.0/24"), limit: 1024 },
    passive: true,
    holdSeconds: 9,
    nextHopSelf: true,
    reflectorClient: false,
  });
  const cluster = address("192.168.8.1");
  const reflecting = {
    ...base,
    bgp: { ...base.bgp, clusterId: cluster, peers: [peer({ routeReflectorClient: true })] },
  };
  expect(speakerOptions(reflecting, false).clusterId).toEqual(cluster);
  expect(peerOptions(reflecting)[0]?.reflectorClient).toBe(true);
  const none = { ...told, kernel: { ...told.kernel, type: "none" as const } };
  expect(speakerOptions(none, false).advertiseInstalledOnly).toBe(false);
});

test("a peer's role and AS numbers are told, and nothing of what is not given", () => {
  const base = model({});
  const told = (asRules: Partial<Peer["asRules"]>) => {
    const given = peer({ asn: 64512, asRules: { ...peer().asRules, ...asRules } });
    return peerOptions({ ...base, bgp: { ...base.bgp, peers: [given] } })[0]!;
  };
  const plain = told({});
  expect(plain).toMatchObject({ allowOwnAs: 0, enforceFirstAs: true, asOverride: false });
  for (const key of ["role", "localAs", "removePrivateAs"]) expect(plain).not.toHaveProperty(key);
  const localAs = { asn: 64999, noPrepend: true, replaceAs: true };
  expect(told({ role: "rs", strictRole: true, localAs, routeServerClient: true })).toMatchObject({
    role: "rs",
    strictRole: true,
    localAs,
    routeServerClient: true,
  });
  expect(told({ removePrivateAs: true }).removePrivateAs).toBe("if-only");
  expect(told({ removePrivateAs: "all" }).removePrivateAs).toBe("all");
});
