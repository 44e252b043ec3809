import { describe, expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import type { RouteFilter } from "../rib/route-filter.ts";
import { VALIDITIES } from "../rpki/vrp-table.ts";
import { formatAsPath } from "../wire/as-path-text.ts";
import { originatedAttributes, type PathAttributes } from "../wire/path-attributes.ts";
import type { Role } from "../wire/roles.ts";
import { type EntryRules, withEntry } from "./entry.ts";
import { compilePolicy } from "./evaluate.ts";
import { ACCEPT_ALL, type Policy } from "./rules.ts";

const PEER = 64_501;
const LOCAL = 4_200_000_001;
const RULES: EntryRules = {
  remoteAsn: PEER,
  role: undefined,
  localAsn: undefined,
  prepends: true,
  allowOwnAs: 0,
};

const path = (...asns: number[]): Partial<PathAttributes> =>
  asns.length === 0 ? {} : { asPath: [{ type: "sequence", asns }] };

/** The rule that refuses it, or the attributes that become of it. */
function entering(
  rules: Partial<EntryRules>,
  attributes: Partial<PathAttributes>,
  policy: Policy = ACCEPT_ALL,
): PathAttributes | string {
  const filter: RouteFilter = withEntry(compilePolicy(policy), { ...RULES, ...rules });
  const given = { ...originatedAttributes(ipv4(1)), ...attributes };
  const verdict = filter.judge(filter.classify(given), 4, 0, 0, 0, 0, 0, 0, 0);
  const again = filter.judge(filter.classify(given), 4, 0, 0, 0, 0, 0, 0, 0);
  expect(again, "verdicts are interned").toBe(verdict);
  return verdict.accepted ? (verdict.change?.(given) ?? given) : verdict.rule;
}

describe("RFC 9234 §5, ingress: what becomes of OTC, by our role", () => {
  const LEAK = "leak (RFC 9234)";
  const OTHER = 64_999;
  test.each<[Role, { none: number | undefined; remote: number | string; other: number | string }]>([
    ["provider", { none: undefined, remote: LEAK, other: LEAK }],
    ["rs", { none: undefined, remote: LEAK, other: LEAK }],
    ["peer", { none: PEER, remote: PEER, other: LEAK }],
    ["customer", { none: PEER, remote: PEER, other: OTHER }],
    ["rs-client", { none: PEER, remote: PEER, other: OTHER }],
  ])("%s", (role, { none, remote, other }) => {
    const entered = (onlyToCustomer: number | undefined) => {
      const after = entering({ role }, { ...path(PEER), onlyToCustomer });
      return typeof after === "string" ? after : after.onlyToCustomer;
    };
    expect([undefined, PEER, OTHER].map(entered)).toEqual([none, remote, other]);
    // 0 is a value like any other, and no AS.
    expect(entered(0)).toEqual(typeof other === "string" ? LEAK : 0);
  });

  test("without a role OTC stays as it is", () => {
    const after = entering({ localAsn: LOCAL }, { ...path(PEER), onlyToCustomer: OTHER });
    expect(after).toMatchObject({ onlyToCustomer: OTHER });
  });

  test("a leak is refused by its name, whatever the policy", () => {
    const policy: Policy = { rules: [{ name: "import[0]", match: {}, then: "reject" }], otherwise: "accept" };
    expect(entering({ role: "provider" }, { ...path(PEER), onlyToCustomer: 1 }, policy)).toBe(LEAK);
    expect(entering({ role: "provider" }, path(PEER), policy)).toBe("import[0]");
  });
});

describe("another AS of ours", () => {
  test.each<[string, Partial<EntryRules>, readonly number[], string]>([
    ["in front", {}, [PEER, 1], `${LOCAL} ${PEER} 1`],
    ["not in front, without prepend", { prepends: false }, [PEER, 1], `${PEER} 1`],
    ["in the path: a loop", {}, [PEER, LOCAL], "localAs in the AS path"],
    [
      "in the path, and allowed there once",
      { allowOwnAs: 1 },
      [PEER, LOCAL, 1],
      `${LOCAL} ${PEER} ${LOCAL} 1`,
    ],
    ["twice, and allowed once", { allowOwnAs: 1 }, [PEER, LOCAL, LOCAL], "localAs in the AS path"],
  ])("%s", (_, rules, asns, expected) => {
    const after = entering({ localAsn: LOCAL, ...rules }, path(...asns));
    expect(typeof after === "string" ? after : formatAsPath(after.asPath)).toBe(expected);
  });

  test("the import policy sees it, and what that changes comes after", () => {
    const policy: Policy = {
      rules: [
        {
          name: "import[0]",
          match: { asPath: [`^${LOCAL}_`] },
          then: "accept",
          set: { prepend: { asn: 7, times: 1 } },
        },
      ],
      otherwise: "reject",
    };
    const after = entering({ localAsn: LOCAL, role: "customer" }, path(PEER), policy) as PathAttributes;
    expect([formatAsPath(after.asPath), after.onlyToCustomer]).toEqual([`7 ${LOCAL} ${PEER}`, PEER]);
  });
});

test("origin validation is asked for as without it (RFC 6811)", () => {
  const policy: Policy = {
    rules: [{ name: "import[0]", match: { rpki: ["invalid"] }, then: "reject" }],
    otherwise: "accept",
  };
  const vrps = {
    validity: (...[, , , , , , originAs]: number[]) =>
      VALIDITIES.indexOf(originAs === PEER ? "valid" : "invalid"),
  };
  const filter = withEntry(compilePolicy(policy, vrps), { ...RULES, role: "customer" });
  expect([filter.usesValidity, filter.usesPrefix]).toEqual([true, true]);
  const entered = filter.classify({ ...originatedAttributes(ipv4(1)), ...path(PEER) });
  const judged = [PEER, 1].map((originAs) => filter.judge(entered, 4, 0, 0, 0, 0, 0, 0, originAs));
  expect(judged.map(({ rule }) => rule)).toEqual(["otherwise", "import[0]"]);
});
