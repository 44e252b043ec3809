/** A port's own DHCP options. A request names those that it changes: Terraform takes one away by giving it no value. */

import { badResource } from "./fault.ts";
import type { DhcpOption } from "./objects.ts";
import type { DhcpOptionRequest } from "./values.ts";

/** Of one port; dnsmasq reads a line for each. */
const OPTIONS_MAX = 32;

const keyOf = ({ opt_name, ip_version }: DhcpOptionRequest): string => `${ip_version} ${opt_name}`;

/** Those that a port has after a request: `asked` in place of those of the same name and version, `old` otherwise. @throws Fault */
export function withOptions(
  old: readonly DhcpOption[],
  asked: readonly DhcpOptionRequest[],
): readonly DhcpOption[] {
  const byKey = new Map(old.map((option) => [keyOf(option), option]));
  for (const { opt_value, ...option } of asked) {
    const key = keyOf({ ...option, opt_value });
    if (opt_value === null) byKey.delete(key);
    else byKey.set(key, { ...option, opt_value });
  }
  if (byKey.size > OPTIONS_MAX)
    throw badResource("port", `a port has at most ${OPTIONS_MAX} extra DHCP options`);
  return [...byKey.values()];
}
