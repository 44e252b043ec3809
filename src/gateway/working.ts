/** Which ports of this host work. */

import { hostPrefix } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";

/**
 * Interfaces of the ports all of whose addresses are announced, which they are only when the kernel leads to them.
 * @param announced - by prefix text
 */
export const workingInterfaces = (
  { ports }: Model,
  announced: { has(prefix: string): boolean },
): ReadonlySet<string> =>
  new Set(
    ports
      .filter(({ addresses }) =>
        addresses.every((address) => announced.has(formatPrefix(hostPrefix(address)))),
      )
      .map((port) => port.interface),
  );
