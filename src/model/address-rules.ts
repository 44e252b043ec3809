/**
 * Every address has one use: a pool's, a floating IP, an anycast service's, a port's. Pools and floating IPs are
 * translated, networks never are, and private ranges are not routable outside: none of them may share addresses.
 */

import type { Address, Prefix } from "../bgp/net/address.ts";
import { type AddressKey, addressKey, formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "./model.ts";
import { holderOf, isReachable, nested } from "./prefixes.ts";
import { error, type Violation } from "./violation.ts";

type Path = Violation["path"];

interface Claim {
  readonly use: "pool" | "floating" | "anycast" | "port";
  readonly path: Path;
  /** As in "… is {label}". */
  readonly label: string;
}

interface Range {
  readonly prefix: Prefix;
  readonly kind: "network" | "private" | "external";
  readonly path: Path;
  readonly label: string;
}

export function addressViolations(parts: Partial<Model>): Violation[] {
  const ranges = rangesOf(parts);
  const found: Violation[] = [...overlapViolations(ranges), ...nameViolations(parts)];
  const claims = new Claims();
  const holder = holderOf(ranges);
  for (const [address, claim] of claimsOf(parts)) {
    const range = claim.use === "port" ? undefined : holder(address);
    // An anycast address in a public network is a host of it like any other: routed, and translated nowhere.
    const allowed = range === undefined || (claim.use === "anycast" && range.kind === "network");
    claims.add(address, claim, allowed ? undefined : range);
  }
  return [
    ...found,
    ...claims.violations(),
    ...fixedViolations(parts, claims, holder),
    ...memberViolations(parts, claims),
    ...interfaceViolations(parts),
  ];
}

function rangesOf({ networks = [], nat }: Partial<Model>): Range[] {
  const publicRanges = networks.map((network, i): Range => {
    const label = `network ${network.name} (${formatPrefix(network.cidr)})`;
    return { prefix: network.cidr, kind: "network", path: ["networks", i, "cidr"], label };
  });
  const privateRanges = (nat?.private ?? []).map((prefix, i): Range => {
    return {
      prefix,
      kind: "private",
      path: ["nat", "private", i],
      label: `nat.private ${formatPrefix(prefix)}`,
    };
  });
  const externalRanges = (nat?.prefixes ?? []).map(({ external }, i): Range => {
    const path = ["nat", "prefixes", i, "external"];
    return { prefix: external, kind: "external", path, label: `nat.prefixes ${formatPrefix(external)}` };
  });
  return [...publicRanges, ...privateRanges, ...externalRanges];
}

function overlapViolations(ranges: readonly Range[]): Violation[] {
  return nested(ranges).map(({ inner, outer }) => {
    return error(inner.path, `${formatPrefix(inner.prefix)} overlaps ${outer.label}`);
  });
}

function* claimsOf({
  nat,
  floatingIps = [],
  anycast = [],
  ports = [],
}: Partial<Model>): Generator<[Address, Claim]> {
  for (const [i, pool] of (nat?.pools ?? []).entries()) {
    const label = `an address of pool ${pool.name}`;
    for (const [k, address] of pool.addresses.entries()) {
      yield [address, { use: "pool", path: ["nat", "pools", i, "addresses", k], label }];
    }
  }
  for (const [i, { address }] of floatingIps.entries()) {
    yield [
      address,
      { use: "floating", path: ["floatingIps", i, "address"], label: `the floating IP floatingIps[${i}]` },
    ];
  }
  for (const [i, { address, name }] of anycast.entries()) {
    yield [
      address,
      { use: "anycast", path: ["anycast", i, "address"], label: `the address of anycast service ${name}` },
    ];
  }
  for (const [i, port] of ports.entries()) {
    for (const [k, address] of port.addresses.entries()) {
      yield [
        address,
        { use: "port", path: ["ports", i, "addresses", k], label: `an address of port ${port.interface}` },
      ];
    }
  }
}

/** Who has an address first, and who wants it too. A whole pool in the wrong place is told once, not per address. */
class Claims {
  readonly #owners: Map<AddressKey, Claim> = new Map();
  readonly #clashes: Map<string, { readonly first: Violation; more: number }> = new Map();

  add(address: Address, claim: Claim, range: Range | undefined): void {
    if (!isReachable(address))
      this.#clash(address, claim, "no address that other machines could reach", undefined);
    const owner = this.owner(address);
    if (owner === undefined) this.#owners.set(addressKey(address), claim);
    else this.#clash(address, claim, `already ${owner.label}`, HINTS[claim.use]);
    if (range !== undefined) this.#clash(address, claim, `in ${range.label}`, HINTS[claim.use]);
  }

  owner(address: Address): Claim | undefined {
    return this.#owners.get(addressKey(address));
  }

  violations(): Violation[] {
    return [...this.#clashes.values()].map(({ first, more }) => {
      return more === 0 ? first : { ...first, message: `${first.message}, and ${more} more` };
    });
  }

  #clash(address: Address, claim: Claim, label: string, hint: string | undefined): void {
    const group = claim.use === "pool" ? claim.path.slice(0, 3) : claim.path;
    const key = `${group.join(".")} ${label}`;
    const clash = this.#clashes.get(key);
    if (clash !== undefined) clash.more += 1;
    else
      this.#clashes.set(key, {
        first: error(claim.path, `${formatAddress(address)} is ${label}`, hint),
        more: 0,
      });
  }
}

const HINTS: Readonly<Record<Claim["use"], string>> = {
  pool: "addresses of a pool serve nothing else: take it out of one of the two",
  floating: "a floating IP needs an address of its own, one that is not translated or routed otherwise",
  anycast: "an anycast service needs an address of its own",
  port: "a port has addresses of its own; floating IPs and services lead to them",
};

const OWN = "it must lead to the address that a machine itself has";

/** A floating IP leads to addresses that machines have by themselves. */
function fixedViolations(
  { floatingIps = [] }: Partial<Model>,
  claims: Claims,
  holder: (address: Address) => Range | undefined,
): Violation[] {
  const found: Violation[] = [];
  for (const [i, { address, to, forwards }] of floatingIps.entries()) {
    const targets: [Path, Address][] = forwards.map((f, k) => [
      ["floatingIps", i, "forwards", k, "to"],
      f.to,
    ]);
    if (to !== undefined) targets.push([["floatingIps", i, "to"], to]);
    for (const [path, target] of targets) {
      const wrong = fixedFault(address, target, claims.owner(target), holder(target));
      if (wrong !== undefined) found.push(error(path, `${formatAddress(target)} ${wrong.is}`, wrong.hint));
    }
  }
  return found;
}

function fixedFault(
  address: Address,
  to: Address,
  owner: Claim | undefined,
  range: Range | undefined,
): { readonly is: string; readonly hint?: string } | undefined {
  if (to.family !== address.family) return { is: `is of another family than ${formatAddress(address)}` };
  if (owner !== undefined && owner.use !== "port") return { is: `is ${owner.label}`, hint: OWN };
  if (range?.kind !== "network") return undefined;
  return { is: `is in ${range.label}, which is never translated`, hint: OWN };
}

function memberViolations({ anycast = [] }: Partial<Model>, claims: Claims): Violation[] {
  const found: Violation[] = [];
  for (const [i, { members }] of anycast.entries()) {
    const seen = new Map<AddressKey, number>();
    for (const [k, member] of members.entries()) {
      const path = ["anycast", i, "members", k];
      const owner = claims.owner(member);
      const first = seen.get(addressKey(member));
      if (first !== undefined) {
        found.push(error(path, `${formatAddress(member)} is anycast[${i}].members[${first}] already`));
        continue;
      }
      seen.set(addressKey(member), k);
      if (owner !== undefined && owner.use !== "port") {
        found.push(error(path, `${formatAddress(member)} is ${owner.label}`, OWN));
      }
    }
  }
  return found;
}

function nameViolations({ networks = [], nat, anycast = [] }: Partial<Model>): Violation[] {
  return [
    ...twice(
      networks.map(({ name }) => name),
      (i) => ["networks", i, "name"],
    ),
    ...twice(
      (nat?.pools ?? []).map(({ name }) => name),
      (i) => ["nat", "pools", i, "name"],
    ),
    ...twice(
      anycast.map(({ name }) => name),
      (i) => ["anycast", i, "name"],
    ),
  ];
}

const interfaceViolations = ({ ports = [] }: Partial<Model>): Violation[] =>
  twice(
    ports.map((port) => port.interface),
    (i) => ["ports", i, "interface"],
  );

function twice(names: readonly string[], pathOf: (index: number) => Path): Violation[] {
  const seen = new Map<string, number>();
  const found: Violation[] = [];
  for (const [i, name] of names.entries()) {
    const first = seen.get(name);
    if (first === undefined) seen.set(name, i);
    else found.push(error(pathOf(i), `the name ${name} is taken by number ${first + 1} of this list`));
  }
  return found;
}
