/** Which of a service's members on this host carry it, and whether the host announces it. */

import { type Address, compareAddresses, sameAddress } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { AnycastService } from "../model/model.ts";

/** A member that runs here, behind an interface that is up. */
interface LocalMember {
  readonly address: Address;
  readonly interface: string;
}

interface Serving {
  /** Where packets for the service go; empty: no route. Each once. */
  readonly interfaces: readonly string[];
  /** All members here failed, and the service is announced all the same. */
  readonly allFailed: boolean;
}

interface ServingInput {
  readonly service: AnycastService;
  readonly local: readonly LocalMember[];
  /** Results of the checks, by member address text; a member without one has not been judged yet. */
  readonly health: ReadonlyMap<string, boolean> | undefined;
  /** Interfaces of the route that the kernel held for the service when this process started. */
  readonly resumed: readonly string[];
  /** True while a peer announces the service too. */
  readonly elsewhere: boolean;
}

/**
 * Only healthy members serve. A member that is not judged yet counts as down, except that after a restart of this
 * process it stays what it was: a restart must not look like a failure.
 *
 * `whenAllFail: keep` keeps the address only while nobody else has it, and only once every member here was found bad:
 * a machine that has just booted has nothing to keep.
 */
export function serving(input: ServingInput): Serving {
  const { service, health, resumed } = input;
  const local = input.local.toSorted((a, b) => compareAddresses(a.address, b.address));
  const judged = (member: LocalMember): boolean | undefined => health?.get(formatAddress(member.address));
  const isUp = (member: LocalMember): boolean =>
    service.health === undefined || (judged(member) ?? resumed.includes(member.interface));
  const healthy = local.filter(isUp);
  if (healthy.length > 0) return { interfaces: interfacesOf(healthy), allFailed: false };
  const keeps = service.whenAllFail === "keep" && !input.elsewhere;
  if (keeps && local.length > 0 && local.every((member) => judged(member) === false)) {
    return { interfaces: interfacesOf(local), allFailed: true };
  }
  return { interfaces: [], allFailed: false };
}

export const isMember = (service: AnycastService, address: Address): boolean =>
  service.members.some((member) => sameAddress(member, address));

const interfacesOf = (members: readonly LocalMember[]): string[] => [
  ...new Set(members.map((m) => m.interface)),
];
