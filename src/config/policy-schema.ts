/** Rules of `import`, `export` and `bgp.policies`, and the prefix sets that they name. */

import { z } from "zod";
import { AS_PATH_PATTERN_CHARACTERS, parseAsPathPattern } from "../bgp/net/as-path-pattern.ts";
import type { CommunityPattern } from "../bgp/net/communities.ts";
import {
  KINDS,
  type PrefixRange,
  type Rule,
  type RuleChanges,
  type RuleCommunities,
  type RuleMatch,
} from "../model/model.ts";
import {
  address,
  anyCommunity,
  choice,
  communityPattern,
  flag,
  integer,
  lengthRange,
  list,
  mapping,
  name,
  oneOrMany,
  prefix,
  prefixRange,
  text,
} from "./scalars.ts";
import { suggestion } from "./suggest.ts";

/** A rule whose prefix sets are still names. */
type NamingRule = Rule & { readonly prefixSets: readonly string[] | undefined };

const ORIGINS = ["igp", "egp", "incomplete"] as const;

const VALIDITIES = ["valid", "invalid", "not-found"] as const;

const asPath: z.ZodType<string> = z
  .unknown()
  .transform((value, context) => {
    const what = "an AS path pattern such as ^64512_, _65000$ or ^$";
    const parsed = typeof value === "string" ? parseAsPathPattern(value) : undefined;
    if (typeof value === "string" && parsed !== undefined && !("at" in parsed)) return value;
    const why = parsed !== undefined && "at" in parsed ? ` (column ${parsed.at + 1}: ${parsed.message})` : "";
    context.addIssue({ code: "custom", message: what + why, input: value });
    return z.NEVER;
  })
  .meta({ type: "string", maxLength: AS_PATH_PATTERN_CHARACTERS, examples: ["^64512_", "_65000$", "^$"] });

const PATH_LENGTHS = "a number of AS numbers 0..1024, or a range such as 1-3";

const asPathLength: z.ZodType<{ min: number; max: number }> = z.union(
  [
    integer(0, 1024).transform((only) => ({ min: only, max: only })),
    text({ expected: PATH_LENGTHS, json: { pattern: "^\\d{1,4}-\\d{1,4}$" } }, (value) => {
      const parts = /^(\d{1,4})-(\d{1,4})$/.exec(value);
      const [min, max] = [Number(parts?.[1]), Number(parts?.[2])];
      return min <= max && max <= 1024 ? { min, max } : undefined;
    }),
  ],
  { error: PATH_LENGTHS },
);

const match = mapping({
  prefix: oneOrMany(prefix, 1).optional().meta({ description: "Exactly one of these prefixes." }),
  within: oneOrMany(prefix, 1)
    .optional()
    .meta({ description: "Within one of these prefixes, itself included." }),
  length: lengthRange
    .optional()
    .meta({ description: "With `within`: only prefixes of this length, or of lengths from-to." }),
  prefixSet: oneOrMany(name, 1)
    .optional()
    .meta({ description: "In one of these sets of `prefixSets`; without `prefix`, `within` and `length`." }),
  kind: oneOrMany(choice(KINDS), 1)
    .optional()
    .meta({ description: "What the route is for, as this gateway or another one says." }),
  asPath: oneOrMany(asPath, 1)
    .optional()
    .meta({ description: "The AS path matches one of these patterns, as routers take them." }),
  asPathLength: asPathLength
    .optional()
    .meta({ description: "AS numbers in the path, a set counting as one; or from-to." }),
  community: oneOrMany(communityPattern, 1)
    .optional()
    .meta({ description: "Has a community of any kind that fits one of these." }),
  nextHop: oneOrMany(prefix, 1).optional().meta({ description: "The next hop is in one of these prefixes." }),
  origin: oneOrMany(choice(ORIGINS), 1).optional().meta({ description: "ORIGIN is one of these." }),
  rpki: oneOrMany(choice(VALIDITIES), 1)
    .optional()
    .meta({ description: "Origin validation (RFC 6811) by the caches of `bgp.rpki` says one of these." }),
  peer: oneOrMany(prefix, 1).optional().meta({
    description: "The session is with one of these addresses, or with peers within these prefixes.",
  }),
  group: oneOrMany(name, 1).optional().meta({ description: "The session's peer is of one of these groups." }),
}).superRefine((given, context) => {
  const other = (["prefix", "within", "length"] as const).find((key) => given[key] !== undefined);
  if (given.prefixSet === undefined || other === undefined) return;
  context.addIssue({
    code: "custom",
    path: [other],
    message: `${other} does not go together with prefixSet`,
    params: { sentence: true, hint: "put it into the set, or make two rules" },
    input: given,
  });
});

const med: z.ZodType<number | { by: number }> = z.union(
  [
    integer(0, 4294967295),
    text(
      {
        expected: 'a number 0..4294967295, or a change such as "+10" or "-10"',
        json: { pattern: "^[+-]\\d+$" },
      },
      (value) =>
        /^[+-]\d{1,10}$/.test(value) && Math.abs(Number(value)) <= 0xffff_ffff
          ? { by: Number(value) }
          : undefined,
    ),
  ],
  { error: '0..4294967295, or a change such as "+10" or "-10"' },
);

const changes = mapping({
  localPref: integer(0, 4294967295)
    .optional()
    .meta({ description: "LOCAL_PREF: higher is better, 100 is usual." }),
  med: med.optional().meta({ description: 'MULTI_EXIT_DISC: lower is better; "+10" adds to it.' }),
  communities: list(anyCommunity)
    .optional()
    .meta({ description: "Added: communities of any kind, or the names of well-known ones." }),
  removeCommunities: list(communityPattern)
    .optional()
    .meta({ description: "Removed, before others are added: all that fit one of these." }),
  replaceCommunities: list(anyCommunity).optional().meta({
    description: "Added, after all others of the same kind (standard, extended, large) were removed.",
  }),
  prepend: integer(1, 16).optional().meta({
    description: "So many times in front of the AS path: on export our AS number, on import the peer's.",
  }),
  nextHop: address.optional().meta({ description: "The next hop of routes of the same family." }),
  blackhole: flag.optional().meta({
    description:
      "On import: packets there are thrown away (RFC 7999), and no other AS is told. Needs prefixes in `match`.",
  }),
});

/** Named, since a key written `then` makes linters take the schema itself for a promise. */
const VERDICT = "then";

const rule: z.ZodType<NamingRule> = mapping({
  match: match
    .prefault({})
    .meta({ description: "All that is given must hold; nothing given matches every route." }),
  [VERDICT]: choice(["accept", "reject", "next"]).meta({
    description: "What becomes of a route that matches; next: it is changed and meets the rules below.",
  }),
  set: changes.optional().meta({ description: "What the route is changed to." }),
}).transform((given) => ({
  match: matchOf(given.match),
  then: given.then,
  set: given.set && changesOf(given.set),
  prefixSets: given.match.prefixSet,
}));

function matchOf(given: z.output<typeof match>): RuleMatch {
  return {
    prefixes: given.prefix,
    within: given.within,
    lengths: given.length,
    kinds: given.kind,
    asPath: given.asPath,
    asPathLength: given.asPathLength,
    communities: given.community,
    nextHops: given.nextHop,
    origins: given.origin?.map((text) => (text === "igp" ? 0 : text === "egp" ? 1 : 2)),
    rpki: given.rpki,
    peers: given.peer,
    groups: given.group,
  };
}

function changesOf(given: z.output<typeof changes>): RuleChanges {
  const replacing = given.replaceCommunities ?? [];
  const added =
    given.communities === undefined && replacing.length === 0
      ? undefined
      : [...(given.communities ?? []), ...replacing];
  const removed = [...(given.removeCommunities ?? []), ...replacing.map(allOfItsKind)];
  return {
    localPref: given.localPref,
    med: typeof given.med === "number" ? given.med : undefined,
    addMed: typeof given.med === "object" ? given.med.by : undefined,
    ...(added && byKind(added)),
    removeCommunities: removed.length === 0 ? undefined : removed,
    prepend: given.prepend,
    nextHop: given.nextHop,
    blackhole: given.blackhole,
  };
}

const allOfItsKind = (words: readonly number[]): CommunityPattern => ({
  words: words.map(() => 0),
  masks: words.map(() => 0),
});

function byKind(communities: readonly (readonly number[])[]): RuleCommunities {
  const extended = communities
    .filter((words) => words.length === 2)
    .map((words) => [words[0]!, words[1]!] as const);
  const large = communities
    .filter((words) => words.length === 3)
    .map((words) => [words[0]!, words[1]!, words[2]!] as const);
  return {
    communities: communities.filter((words) => words.length === 1).map((words) => words[0]!),
    ...(extended.length > 0 && { extendedCommunities: extended }),
    ...(large.length > 0 && { largeCommunities: large }),
  };
}

/** What stands at `import` and `export`. */
export const rules: z.ZodType<readonly NamingRule[] | string> = z.union([
  list(rule),
  text(
    {
      expected: "a list of rules, or the name of a policy",
      json: { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" },
    },
    (value) => name.safeParse(value).data,
  ),
]);

export const policies: z.ZodType<Readonly<Record<string, readonly NamingRule[]>>> = z.record(
  name,
  list(rule),
  {
    error: "a mapping of policy names",
  },
);

export const prefixSets: z.ZodType<Readonly<Record<string, readonly PrefixRange[]>>> = z.record(
  name,
  oneOrMany(prefixRange, 0),
  { error: "a mapping of names of prefix sets" },
);

/** All that rules can name. */
export interface Named {
  readonly policies: z.output<typeof policies>;
  readonly prefixSets: z.output<typeof prefixSets>;
}

export interface NameFault {
  readonly at: readonly (string | number)[];
  readonly message: string;
  readonly hint: string | undefined;
}

/** Names in `given` that there are not. `at` is below where it stands. */
export function nameFaults(given: z.output<typeof rules> | undefined, named: Named): NameFault[] {
  if (given === undefined) return [];
  if (typeof given === "string") {
    return Object.hasOwn(named.policies, given)
      ? []
      : [unknownName("policy", given, Object.keys(named.policies), [])];
  }
  return given.flatMap(({ prefixSets: names = [] }, i) =>
    names
      .filter((each) => !Object.hasOwn(named.prefixSets, each))
      .map((each) =>
        unknownName("prefix set", each, Object.keys(named.prefixSets), [i, "match", "prefixSet"]),
      ),
  );
}

function unknownName(what: string, given: string, known: readonly string[], at: NameFault["at"]): NameFault {
  const place = what === "policy" ? "bgp.policies" : "bgp.prefixSets";
  const none =
    known.length === 0 ? `there are none: define it under ${place}` : `there are: ${known.join(", ")}`;
  return {
    at,
    message: `there is no ${what} ${JSON.stringify(given)}`,
    hint: suggestion(given, known) ?? none,
  };
}

/** With all names looked up. Only for what {@link nameFaults} finds nothing in. */
export function resolved(
  given: z.output<typeof rules> | undefined,
  named: Named,
): readonly Rule[] | undefined {
  if (given === undefined) return undefined;
  const list = typeof given === "string" ? (named.policies[given] ?? []) : given;
  return list.map(({ prefixSets: names, ...one }) => ({
    ...one,
    ...(typeof given === "string" && { policy: given }),
    ...(names && {
      match: { ...one.match, ranges: names.flatMap((each) => named.prefixSets[each] ?? []) },
    }),
  }));
}
