/** The MAC of a port: the one asked for, or a new one. It is one port's in its network. */

import { conflict, Fault } from "./fault.ts";
import type { Work } from "./handler.ts";
import type { Network } from "./objects.ts";
import { first, macKey } from "./tables.ts";

/** OpenStack's own range. */
const MAC_PREFIX = "fa:16:3e";
const MAC_TRIES = 16;

export function macFor(
  { draft, world }: Pick<Work, "draft" | "world">,
  { id }: Network,
  wanted: string | undefined,
): string {
  const isFree = (mac: string): boolean => first(draft.by("ports", "mac", macKey(id, mac))) === undefined;
  if (wanted !== undefined) {
    if (isFree(wanted)) return wanted;
    const message = `Unable to complete operation for network ${id}. The mac address ${wanted} is in use.`;
    throw conflict("MacAddressInUse", message);
  }
  for (let i = 0; i < MAC_TRIES; i++) {
    const digits = Math.floor(world.chance() * 0x100_0000)
      .toString(16)
      .padStart(6, "0");
    const mac = `${MAC_PREFIX}:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4)}`;
    if (isFree(mac)) return mac;
  }
  throw new Fault(503, "MacAddressGenerationFailure", `Unable to generate unique mac on network ${id}.`);
}
