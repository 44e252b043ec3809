/** Capabilities of both OPENs in words, side by side. */

import type { PeerAnswer } from "../../api/schema.ts";
import { type AfiSafi, type Capability, familyOf, type Open } from "../../bgp/wire/messages.ts";

type CapabilityAnswer = NonNullable<PeerAnswer["capabilities"]>[number];

/** Codes that we do not know, and families of one capability, that are named: a peer says as many as it likes. */
const NAMED = 32;

/** By name, ours first, in the order in which they were said. */
export function capabilityAnswers(local: Open, remote: Open): CapabilityAnswer[] {
  const ours = wordsByName(local);
  const theirs = wordsByName(remote);
  return [...new Set([...ours.keys(), ...theirs.keys()])].map((name) => {
    const [mine, peers] = [ours.get(name), theirs.get(name)];
    return {
      name,
      ...(mine !== undefined && { local: mine }),
      ...(peers !== undefined && { remote: peers }),
    };
  });
}

/** Said several times, a capability is said with all of what was said (RFC 5492 §4). */
function wordsByName({ capabilities }: Open): Map<string, string> {
  const said = new Map<string, Set<string>>();
  for (const capability of capabilities) {
    const name = capability.is.replaceAll("-", " ");
    const words = said.get(name) ?? new Set();
    said.set(name, words);
    if (words.size < NAMED) words.add(wordsOf(capability));
  }
  return new Map([...said].map(([name, words]) => [name, [...words].join(", ")]));
}

function wordsOf(capability: Capability): string {
  switch (capability.is) {
    case "multiprotocol":
      return familyText(capability);
    case "extended-next-hop":
      return listed(capability.tuples.map((tuple) => `${familyText(tuple)} over AFI ${tuple.nextHopAfi}`));
    case "role":
      return String(capability.role);
    case "four-octet-as":
      return String(capability.asn);
    case "graceful-restart":
      return restartText(capability);
    case "add-path":
      return listed(capability.families.map((family) => `${familyText(family)} ${family.mode}`));
    case "long-lived-graceful-restart":
      return listed(capability.families.map((family) => `${familyText(family)} ${family.staleSeconds} s`));
    case "fqdn":
      return [capability.hostname, capability.domain].filter((text) => text !== "").join(".");
    case "unknown":
      return `code ${capability.code}`;
    case "route-refresh":
    case "extended-message":
    case "enhanced-route-refresh":
      return "yes";
    default:
      return capability satisfies never;
  }
}

function restartText(restart: Extract<Capability, { is: "graceful-restart" }>): string {
  const families = restart.families.map(
    (family) => familyText(family) + (family.forwarding ? " (still forwarding)" : ""),
  );
  return listed([
    `${restart.restartSeconds} s`,
    ...(restart.restarting ? ["restarting"] : []),
    ...(restart.notification ? ["also on NOTIFICATION"] : []),
    ...families,
  ]);
}

const listed = (words: readonly string[]): string => words.slice(0, NAMED).join(", ");

function familyText({ afi, safi }: AfiSafi): string {
  const family = familyOf(afi, safi);
  return family === undefined ? `AFI ${afi} SAFI ${safi}` : `ipv${family}`;
}
