/** What netd may do: administer its network namespace, and nothing else. */

import type { Warning } from "./commands.ts";
import { hasNetAdmin, keepCapabilities, keepOnlyNetAdmin } from "./netlink/ffi.ts";

const NOBODY = 65534;

/** netd was started without what it cannot do without. The text says how to get it. */
export class Missing extends Error {
  override readonly name: string = "Missing";
}

/**
 * Gives all but CAP_NET_ADMIN up. Writing /proc/sys/net needs no more: the kernel lets the administrator of a network
 * namespace do so whoever it is.
 * @throws Missing without CAP_NET_ADMIN
 */
export function dropPrivileges(): Warning[] {
  if (!hasNetAdmin())
    throw new Missing(
      "CAP_NET_ADMIN is missing: start gatewayd as root or with that capability (systemd: AmbientCapabilities=CAP_NET_ADMIN), or set kernel: { type: none }",
    );
  const warnings: Warning[] = [];
  if (process.getuid?.() === 0) {
    keepCapabilities();
    try {
      // The other threads lose all their capabilities with the user; this one keeps them until keepOnlyNetAdmin.
      process.setgroups?.([]);
      process.setgid?.(NOBODY);
      process.setuid?.(NOBODY);
    } catch (error) {
      // In a user namespace that maps no such user.
      const message = error instanceof Error ? error.message : String(error);
      warnings.push({ code: "privileges.user", subject: "netd", message: `netd stays root: ${message}` });
    }
  }
  keepOnlyNetAdmin();
  return warnings;
}
