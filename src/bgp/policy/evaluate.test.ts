import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, hostPrefix, ipv4, ipv6, type Prefix, prefixOf } from "../net/address.ts";
import { parseCommunityPattern } from "../net/communities.ts";
import { parsePrefix } from "../net/text.ts";
import { type Origin, originatedAttributes, type PathAttributes } from "../wire/path-attributes.ts";
import { applyChanges } from "./changes.ts";
import { compilePolicy } from "./evaluate.ts";
import { ACCEPT_ALL, type Changes, type Match, type Policy, REJECT_ALL, type Rule } from "./rules.ts";

interface Route {
  readonly prefix: Prefix;
  readonly attributes: PathAttributes;
  readonly tag: number;
}

interface Judged {
  readonly accepted: boolean;
  readonly rule: string;
  /** As it is afterwards, when accepted. */
  readonly route: Route | undefined;
}

const ruleOf = (name: string, match: Match, then: Rule["then"], set?: Changes): Rule => ({
  name,
  match,
  then,
  ...(set && { set }),
});

const attributesWith = (changes: Partial<PathAttributes>): PathAttributes => ({
  ...originatedAttributes(ipv4(1)),
  ...changes,
});

const prefix = (text: string): Prefix => parsePrefix(text)!;

function compiled(policy: Policy): (route: Route) => Judged {
  const filter = compilePolicy(policy);
  return (route) => {
    const { family, w0, w1, w2, w3, length } = route.prefix;
    const known = filter.onlyClass ?? filter.classify(route.attributes);
    const verdict = filter.judge(known, family, w0, w1, w2, w3, length, route.tag, 0);
    if (!verdict.accepted) return { accepted: false, rule: verdict.rule, route: undefined };
    const attributes = verdict.change?.(route.attributes) ?? route.attributes;
    return {
      accepted: true,
      rule: verdict.rule,
      route: { prefix: route.prefix, attributes, tag: verdict.tag ?? route.tag },
    };
  };
}

/** The contract, read out: rule after rule, on the route as it is by then. */
function plain({ rules, otherwise }: Policy, given: Route): Judged {
  let route = given;
  for (const rule of rules) {
    if (!plainMatch(rule.match, route)) continue;
    const changed = rule.set === undefined ? route : plainChange(route, rule.set);
    if (rule.then === "accept") return { accepted: true, rule: rule.name, route: changed };
    if (rule.then === "reject") return { accepted: false, rule: rule.name, route: undefined };
    route = changed;
  }
  const accepted = otherwise === "accept";
  return { accepted, rule: "otherwise", route: accepted ? route : undefined };
}

function plainMatch(match: Match, route: Route): boolean {
  const { prefixes, tags, communities, largeCommunities } = match;
  const { attributes } = route;
  const { length } = route.prefix;
  const inRange = prefixes?.some(
    (range) => contains(range.prefix, route.prefix) && length >= range.minLength && length <= range.maxLength,
  );
  const has = communities?.some((each) => attributes.communities.includes(each));
  const hasLarge = largeCommunities?.some((each) =>
    attributes.largeCommunities.some((other) => other.join() === each.join()),
  );
  const conditions = [
    inRange,
    tags?.includes(route.tag),
    has,
    hasLarge,
    ...plainAttributes(match, attributes),
  ];
  return conditions.every((holds) => holds !== false);
}

function* plainAttributes(match: Match, attributes: PathAttributes): Generator<boolean | undefined> {
  const path = attributes.asPath.flatMap(({ asns }) => asns);
  const all: (readonly number[])[] = [
    ...attributes.communities.map((each) => [each]),
    ...attributes.extendedCommunities,
    ...attributes.largeCommunities,
  ];
  yield match.anyCommunity?.some(({ words, masks }) =>
    all.some(
      (each) =>
        each.length === words.length &&
        each.every((word, i) => (word & masks[i]!) === (words[i]! & masks[i]!)),
    ),
  );
  yield match.asPath?.some((source) => new RegExp(source.replaceAll("_", "(?: |^|$)")).test(path.join(" ")));
  const lengths = match.asPathLength;
  yield lengths && path.length >= lengths.min && path.length <= lengths.max;
  yield match.nextHops?.some((each) => contains(each, hostPrefix(attributes.nextHop)));
  yield match.origins?.includes(attributes.origin);
}

const plainChange = (route: Route, changes: Changes): Route => ({
  ...route,
  attributes: applyChanges(route.attributes, changes),
  tag: changes.tag ?? route.tag,
});

const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });
const community = fc.nat(3);
const large = fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1));
const anyPrefix = fc
  .tuple(fc.boolean(), fc.nat(3), fc.constantFrom(0, 8, 30, 31, 32))
  .map(([six, low, length]) =>
    prefixOf(six ? ipv6(0x0a000000 + low, 0, 0, 0) : ipv4(0x0a000000 + low), length),
  );

/** Drops what is undefined: under exactOptionalPropertyTypes absent and undefined differ. */
const given = <T extends object>(value: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

/** Any kind, each word compared in whole, in part or not at all. */
const pattern = fc.integer({ min: 1, max: 3 }).chain((size) =>
  fc.record({
    words: fc.array(fc.nat(3), { minLength: size, maxLength: size }),
    masks: fc.array(fc.constantFrom(0, 1, 0xffff_ffff), { minLength: size, maxLength: size }),
  }),
);
const extended = fc.tuple(fc.nat(1), fc.nat(2));

const match = fc
  .record({
    prefixes: option(
      fc.array(
        fc.record({ prefix: anyPrefix, minLength: fc.nat(32), maxLength: fc.integer({ min: 20, max: 32 }) }),
        { maxLength: 3 },
      ),
    ),
    tags: option(fc.array(fc.constantFrom(0, 1, 255), { maxLength: 2 })),
    communities: option(fc.array(community, { maxLength: 2 })),
    largeCommunities: option(fc.array(large, { maxLength: 2 })),
    anyCommunity: option(fc.array(pattern, { maxLength: 2 })),
    asPath: option(fc.subarray(["^$", "^1_", "_2$", "1 2", "^1( 1)*$", "_12_"])),
    asPathLength: option(fc.record({ min: fc.nat(2), max: fc.nat(4) })),
    nextHops: option(fc.array(anyPrefix, { maxLength: 2 })),
    origins: option(fc.subarray<Origin>([0, 1, 2])),
  })
  .map((each) => given<Match>(each));

const changes = fc
  .record({
    localPref: option(fc.nat(9)),
    med: option(fc.nat(9)),
    addCommunities: option(fc.array(community, { maxLength: 2 })),
    addLargeCommunities: option(fc.array(large, { maxLength: 2 })),
    removeLargeCommunities: option(fc.tuple(fc.nat(1), fc.nat(1))),
    addMed: option(fc.integer({ min: -9, max: 9 })),
    addExtendedCommunities: option(fc.array(extended, { maxLength: 2 })),
    removeCommunities: option(fc.array(pattern, { maxLength: 2 })),
    prepend: option(fc.record({ asn: fc.constantFrom(1, 2, 12), times: fc.nat(3) })),
    nextHop: option(fc.nat(3).map((low) => ipv4(0x0a000000 + low))),
    tag: option(fc.constantFrom(1, 255)),
  })
  .map((each) => given<Changes>(each));

const verb = fc.constantFrom<Rule["then"]>("accept", "reject", "next", "next");

const policy: fc.Arbitrary<Policy> = fc.record({
  rules: fc
    .array(fc.tuple(match, verb, option(changes)), { maxLength: 6 })
    .map((rules) => rules.map(([of, how, set], i) => ruleOf(`import[${i}]`, of, how, set))),
  otherwise: fc.constantFrom<Policy["otherwise"]>("accept", "reject"),
});

const route: fc.Arbitrary<Route> = fc
  .record({
    prefix: anyPrefix,
    communities: fc.uniqueArray(community, { maxLength: 3 }),
    largeCommunities: fc.uniqueArray(large, { maxLength: 3, selector: String }),
    tag: fc.constantFrom(0, 1, 255),
    extendedCommunities: fc.uniqueArray(extended, { maxLength: 3, selector: String }),
    asPath: fc
      .array(fc.constantFrom(1, 2, 12), { maxLength: 3 })
      .map((asns) => (asns.length === 0 ? [] : [{ type: "sequence" as const, asns }])),
    origin: fc.constantFrom<Origin>(0, 1, 2),
    nextHop: fc.nat(3).map((low) => ipv4(0x0a000000 + low)),
  })
  .map(({ prefix: where, tag, ...lists }) => ({ prefix: where, tag, attributes: attributesWith(lists) }));

test("a compiled policy says what the rules say, read one by one", () => {
  fc.assert(
    fc.property(policy, fc.array(route, { minLength: 1, maxLength: 8 }), (rules, routes) => {
      const judge = compiled(rules);
      for (const each of routes) expect(judge(each)).toEqual(plain(rules, each));
    }),
    { numRuns: 1000 },
  );
});

test("equal verdicts are the same object, and those that change nothing say so", () => {
  const filter = compilePolicy({
    rules: [ruleOf("tag only", {}, "accept", { tag: 3 })],
    otherwise: "reject",
  });
  expect(filter.onlyClass).toBeDefined();
  expect(filter.usesPrefix).toBe(false);
  const judge = (w0: number) => filter.judge(filter.onlyClass!, 4, w0, 0, 0, 0, 32, 0, 0);
  expect(judge(1)).toBe(judge(2));
  expect(judge(1)).toMatchObject({ accepted: true, rule: "tag only", tag: 3, change: undefined });
});

describe("prefix ranges", () => {
  const within = (text: string, minLength: number, maxLength: number): Policy => ({
    rules: [ruleOf("in", { prefixes: [{ prefix: prefix(text), minLength, maxLength }] }, "accept")],
    otherwise: "reject",
  });
  test.each<[string, boolean, string, number, number]>([
    ["10.65.0.13/32", true, "10.65.0.0/16", 32, 32],
    ["10.65.0.0/24", false, "10.65.0.0/16", 32, 32],
    ["10.66.0.13/32", false, "10.65.0.0/16", 32, 32],
    ["0.0.0.0/0", true, "0.0.0.0/0", 0, 0],
    ["0.0.0.0/1", false, "0.0.0.0/0", 0, 0],
    ["10.0.0.0/8", false, "10.0.0.0/16", 0, 32],
    ["::/0", false, "0.0.0.0/0", 0, 32],
    ["2001:db8:1::1/128", true, "2001:db8::/32", 48, 128],
    ["2001:db9::/48", false, "2001:db8::/32", 48, 128],
  ])("%s: %s in %s, %i to %i", (text, accepted, range, minLength, maxLength) => {
    const judged = compiled(within(range, minLength, maxLength))({
      prefix: prefix(text),
      attributes: attributesWith({}),
      tag: 0,
    });
    expect(judged.accepted).toBe(accepted);
  });
});

describe("without rules", () => {
  const any: Route = { prefix: prefix("10.0.0.0/8"), attributes: attributesWith({}), tag: 0 };
  test.each([
    ["ACCEPT_ALL", ACCEPT_ALL, true],
    ["REJECT_ALL (RFC 8212)", REJECT_ALL, false],
  ] as const)("%s", (_, rules, accepted) => {
    expect(compiled(rules)(any)).toMatchObject({ accepted, rule: "otherwise" });
  });
});

describe("changes", () => {
  test.each<[string, Partial<PathAttributes>, Changes, Partial<PathAttributes>]>([
    ["a community is there once", { communities: [1] }, { addCommunities: [1, 2] }, { communities: [1, 2] }],
    [
      "large communities of one kind are replaced",
      {
        largeCommunities: [
          [1, 2, 3],
          [1, 3, 3],
        ],
      },
      { removeLargeCommunities: [1, 2], addLargeCommunities: [[1, 2, 4]] },
      {
        largeCommunities: [
          [1, 3, 3],
          [1, 2, 4],
        ],
      },
    ],
    ["a MED grows", { med: 5 }, { addMed: 10 }, { med: 15 }],
    ["a MED is never below 0", { med: 5 }, { addMed: -10 }, { med: 0 }],
    ["no MED counts as 0", {}, { addMed: 10 }, { med: 10 }],
    [
      "communities of all kinds are removed by pattern",
      {
        communities: [0xfc00_0001, 0xfc01_0001],
        largeCommunities: [
          [1, 2, 3],
          [2, 2, 3],
        ],
        extendedCommunities: [[0x0002_fc00, 1]],
      },
      { removeCommunities: ["64512:*", "1:*:*", "rt:64512:*"].map((text) => parseCommunityPattern(text)!) },
      { communities: [0xfc01_0001], largeCommunities: [[2, 2, 3]], extendedCommunities: [] },
    ],
    [
      "what is prepended joins the first sequence",
      { asPath: [{ type: "sequence", asns: [2] }] },
      { prepend: { asn: 1, times: 2 } },
      { asPath: [{ type: "sequence", asns: [1, 1, 2] }] },
    ],
    [
      "or begins one, when a set comes first",
      { asPath: [{ type: "set", asns: [2] }] },
      { prepend: { asn: 1, times: 1 } },
      {
        asPath: [
          { type: "sequence", asns: [1] },
          { type: "set", asns: [2] },
        ],
      },
    ],
    ["a next hop is replaced", {}, { nextHop: ipv4(9) }, { nextHop: ipv4(9) }],
    ["but not by one of the other family", {}, { nextHop: ipv6(9, 0, 0, 0) }, {}],
    ["what is not named stays", { med: 1, localPref: 2 }, { med: 0 }, { med: 0, localPref: 2 }],
  ])("%s", (_, before, set, after) => {
    expect(applyChanges(attributesWith(before), set)).toEqual(attributesWith(after));
  });
});

test("more patterns and more ways through the rules than are remembered change no verdict", () => {
  const bits = Array.from({ length: 13 }, (_, bit) => bit);
  const rules: Policy = {
    rules: bits.map((bit) =>
      ruleOf(`import[${bit}]`, { communities: [bit] }, "next", { addCommunities: [100 + bit] }),
    ),
    otherwise: "accept",
  };
  const judge = compiled(rules);
  for (let pattern = 0; pattern < 8192; pattern++) {
    const communities = bits.filter((bit) => (pattern & (1 << bit)) !== 0);
    const added = judge({
      prefix: prefix("10.0.0.0/8"),
      attributes: attributesWith({ communities }),
      tag: 0,
    });
    expect(added.route?.attributes.communities.length).toBe(communities.length * 2);
  }
});
