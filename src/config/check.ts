/** What `gatewayd check FILE` prints. What it exits with is the daemon's to decide. */

import type { Model } from "../model/model.ts";
import { render } from "./findings.ts";
import { FINDINGS } from "./limits.ts";
import type { Loaded } from "./load.ts";

/** All errors and warnings, and a last line that sums up. Ends with a newline. */
export function report(loaded: Loaded): string {
  const blocks = (loaded.ok ? loaded.warnings : inFileOrder(loaded)).map(render);
  const warnings = loaded.warnings.length === 0 ? "" : `, ${plural(loaded.warnings.length, "warning")}`;
  if (loaded.ok) blocks.push(`ok: ${summary(loaded.model)}${warnings}`);
  else
    blocks.push(
      `refused: ${loaded.more ? `more than ${FINDINGS}` : loaded.errors.length} ${noun(loaded)}${warnings}`,
    );
  return `${blocks.join("\n")}\n`;
}

const noun = (loaded: { errors: readonly unknown[] }): string =>
  loaded.errors.length === 1 ? "error" : "errors";

const inFileOrder = (loaded: Loaded & { ok: false }): Loaded["warnings"] =>
  [...loaded.errors, ...loaded.warnings].sort((a, b) => a.line - b.line || a.column - b.column);

/** One line: "role gateway, AS 65000, 3 peers, 1 network". What there is none of is left out. */
export function summary(model: Model): string {
  const { bgp, networks, nat, floatingIps, anycast, ports } = model;
  const addresses = nat.pools.reduce((sum, pool) => sum + pool.addresses.length, 0);
  const counts: [number, string][] = [
    [bgp.peers.filter(({ remote }) => !("range" in remote)).length, "peer"],
    [bgp.peers.filter(({ remote }) => "range" in remote).length, "peer range"],
    [networks.length, "network"],
    [nat.pools.length, "pool"],
    [addresses, "pool address"],
    [floatingIps.length, "floating IP"],
    [anycast.length, "anycast service"],
    [ports.length, "port"],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([count, what]) => plural(count, what));
  return [`role ${model.role}`, `AS ${bgp.asn}`, ...parts].join(", ");
}

function plural(count: number, what: string): string {
  if (count === 1) return `1 ${what}`;
  return `${count} ${what}${what.endsWith("s") ? "es" : "s"}`;
}
