/** Which pool serves a private address: there is one for each, and never two. */

import { contains, ipv4, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { innermost } from "./innermost.ts";
import type { Model, Nat } from "./model.ts";
import { error, type Violation } from "./violation.ts";

export function poolViolations({ nat }: Partial<Model>): Violation[] {
  if (nat === undefined || nat.pools.every((pool) => pool.private.length === 0 && !pool.draining)) return [];
  const found = [...placeViolations(nat), ...twiceViolations(nat)];
  return found.length > 0 ? found : unservedViolations(nat);
}

function placeViolations({ private: ranges, pools }: Nat): Violation[] {
  return pools.flatMap((pool, i) =>
    pool.private.flatMap((prefix, k) => {
      const path = ["nat", "pools", i, "private", k];
      const text = formatPrefix(prefix);
      if (prefix.family !== 4) return [error(path, `${text}: pools translate IPv4`, "take it out")];
      if (pool.blockSize > 0) {
        const message = `pool ${pool.name} has port blocks, which go by the order of nat.private`;
        return [error(path, message, "take `private` out, or `blockSize`")];
      }
      if (ranges.some((range) => contains(range, prefix))) return [];
      return [error(path, `${text} is in no range of nat.private`, `add ${text} to nat.private`)];
    }),
  );
}

function twiceViolations({ pools }: Nat): Violation[] {
  const owners = new Map<string, string>();
  return pools.flatMap((pool, i) =>
    pool.private.flatMap((prefix, k) => {
      const text = formatPrefix(prefix);
      const owner = owners.get(text);
      owners.set(text, pool.name);
      if (owner === undefined) return [];
      const message = `${text} is served by pool ${owner}, and pool ${pool.name} names it too`;
      return [error(["nat", "pools", i, "private", k], message, "take it out of one of the two")];
    }),
  );
}

function unservedViolations({ private: ranges, pools: all }: Nat): Violation[] {
  const pools = all.filter((pool) => !pool.draining);
  if (pools.some((pool) => pool.private.length === 0)) return [];
  const isIpv4 = ({ family }: Prefix): boolean => family === 4;
  const served = pools.flatMap((pool) => pool.private);
  const list = [
    ...ranges.filter(isIpv4).map((prefix) => ({ prefix, isServed: false })),
    ...served.map((prefix) => ({ prefix, isServed: true })),
  ];
  const gap = innermost(list).find(({ of }) => !of.isServed);
  if (gap === undefined) return [];
  const [first, last] = [gap.first, gap.last].map((word) => formatAddress(ipv4(word)));
  const message = `no pool serves ${first === last ? first : `${first}-${last}`} of nat.private`;
  const hint =
    pools.length < all.length
      ? "a pool that is draining serves nobody: add another one"
      : "add a pool without `private`: it serves what no other names";
  return [error(["nat", "pools"], message, hint)];
}
