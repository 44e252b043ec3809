/** What somebody means who asks for an explanation: an address, a prefix, or an object by its id or name. */

import { Refusal } from "../../../api/answers.ts";
import { hostPrefix, type Prefix, prefixOf, widthOf } from "../../../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress } from "../../../bgp/net/text.ts";
import type { Model } from "../../../model/model.ts";
import { objectsNamed } from "../../../neutron/whose.ts";
import type { ExplainSource } from "./source.ts";

export interface Subject {
  readonly asked: string;
  readonly prefix: Prefix;
  /** It is one address, and `text` that; else `text` is the prefix. */
  readonly isAddress: boolean;
  readonly text: string;
}

/** Prefixes that a refusal names. */
const NAMED_MAX = 10;

/** @throws Refusal when nothing has that name, or it stands for several addresses */
export function subjectOf(
  { model, objects }: Pick<ExplainSource, "model" | "objects">,
  asked: string,
): Subject {
  const prefix = prefixIn(asked);
  if (prefix !== undefined) return { asked, ...shown(prefix) };
  const named = [...modelNamed(model, asked), ...objectsNamed(objects.reading, asked)];
  const prefixes = new Map(
    named
      .flatMap((one) => one.prefixes.flatMap((text) => prefixIn(text) ?? []))
      .map((one) => [shown(one).text, one]),
  );
  const [only, ...more] = prefixes.values();
  if (only === undefined) throw named.length === 0 ? nobody(asked) : without(asked, named[0]!.what);
  if (more.length > 0) throw several(asked, named[0]!.what, [...prefixes.keys()]);
  return { asked, ...shown(only) };
}

/** An address, or a prefix whose bits behind its length do not count. */
function prefixIn(text: string): Prefix | undefined {
  const [bare = "", length, ...rest] = text.split("/");
  const address = parseAddress(bare);
  if (address === undefined || rest.length > 0) return undefined;
  if (length === undefined) return hostPrefix(address);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  return bits <= widthOf(address.family) ? prefixOf(address, bits) : undefined;
}

function shown(prefix: Prefix): Omit<Subject, "asked"> {
  const isAddress = prefix.length === widthOf(prefix.family);
  return { prefix, isAddress, text: isAddress ? formatAddress(prefix) : formatPrefix(prefix) };
}

interface NamedHere {
  readonly what: string;
  readonly prefixes: readonly string[];
}

/** What gateway.yaml, and the API beside Neutron's, give names to. */
function modelNamed({ anycast, nat, networks, ports }: Model, name: string): NamedHere[] {
  const is = (one: { readonly name: string }): boolean => one.name === name;
  return [
    ...anycast
      .filter(is)
      .map(({ address }) => ({ what: "anycast service", prefixes: [formatAddress(address)] })),
    ...nat.pools
      .filter(is)
      .map(({ addresses }) => ({ what: "pool", prefixes: addresses.map(formatAddress) })),
    ...networks.filter(is).map(({ cidr }) => ({ what: "public network", prefixes: [formatPrefix(cidr)] })),
    ...ports
      .filter((port) => port.interface === name)
      .map(({ addresses }) => ({ what: "interface", prefixes: addresses.map(formatAddress) })),
  ];
}

const nobody = (asked: string): Refusal =>
  new Refusal(
    "explain.unknown",
    `${asked} is no address, no prefix, and no name or id of anything here`,
    "names are those of floating IPs (by id), ports, routers, subnets, networks, pools and anycast services",
  );

const without = (asked: string, what: string): Refusal =>
  new Refusal("explain.unknown", `${what} ${asked} has no address`);

const several = (asked: string, what: string, prefixes: readonly string[]): Refusal => {
  const listed = prefixes.slice(0, NAMED_MAX).join(", ");
  const rest = prefixes.length > NAMED_MAX ? `, and ${prefixes.length - NAMED_MAX} more` : "";
  return new Refusal(
    "explain.ambiguous",
    `${what} ${asked} stands for ${prefixes.length} prefixes`,
    `ask for one of ${listed}${rest}`,
  );
};
