/** Forwards: a floating IP leads to one address as a whole, or port by port, and each port to one place. */

import { formatAddress } from "../bgp/net/text.ts";
import type { FloatingIp, Forward, Model, PortRange } from "./model.ts";
import { error, type Violation } from "./violation.ts";

/** Of all floating IPs together: each is an element of the kernel's map, read back and compared at every audit. */
export const FORWARDED_PORTS = 65_536;

export function forwardViolations({ floatingIps = [] }: Partial<Model>): Violation[] {
  const found = floatingIps.flatMap((floating, i) => [
    ...waysOf(floating, ["floatingIps", i]),
    ...floating.forwards.flatMap((forward, k) => countViolations(forward, ["floatingIps", i, "forwards", k])),
    ...disputes(floating.forwards, ["floatingIps", i, "forwards"]),
  ]);
  const ports = floatingIps.flatMap(({ forwards }) => forwards).reduce((sum, f) => sum + countOf(f.ports), 0);
  if (ports <= FORWARDED_PORTS) return found;
  const message = `${ports} ports are forwarded, and at most ${FORWARDED_PORTS} can be`;
  return [...found, error(["floatingIps"], message, "give whole addresses to those who need so many ports")];
}

function waysOf({ address, to, forwards }: FloatingIp, path: Violation["path"]): Violation[] {
  if (to === undefined && forwards.length === 0) {
    const message = `${formatAddress(address)} leads nowhere`;
    return [error(path, message, "say `to: ADDRESS`, or `forwards` for some of its ports")];
  }
  if (to !== undefined && forwards.length > 0) {
    const message = `all of ${formatAddress(address)} leads to ${formatAddress(to)}`;
    return [error([...path, "forwards"], message, "take `forwards` out, or `to`")];
  }
  if (address.family === 4 || to !== undefined) return [];
  return [error([...path, "forwards"], "only ports of IPv4 addresses are forwarded", "say `to: ADDRESS`")];
}

function countViolations({ ports, toPorts }: Forward, path: Violation["path"]): Violation[] {
  const [from, to] = [countOf(ports), countOf(toPorts)];
  if (to === 1 || to === from) return [];
  const message = `${from} ports cannot lead to ${to}`;
  return [error([...path, "toPort"], message, "give as many ports, or a single one for all")];
}

/** Ports of one protocol that two forwards have. */
function disputes(forwards: readonly Forward[], path: Violation["path"]): Violation[] {
  const sorted = [...forwards.entries()].sort(
    ([i, a], [k, b]) =>
      Number(a.protocol > b.protocol) - Number(a.protocol < b.protocol) ||
      a.ports.first - b.ports.first ||
      i - k,
  );
  const found: Violation[] = [];
  let widest = sorted[0];
  for (const [k, forward] of sorted.slice(1)) {
    const [i, other] = widest!;
    const apart = other.protocol !== forward.protocol || other.ports.last < forward.ports.first;
    if (!apart) {
      const [first, second] = i < k ? [i, k] : [k, i];
      const message = `${forward.protocol} port ${forward.ports.first} is in forwards[${first}] already`;
      found.push(error([...path, second, "port"], message));
    }
    if (apart || forward.ports.last > other.ports.last) widest = [k, forward];
  }
  return found;
}

const countOf = ({ first, last }: PortRange): number => last - first + 1;
