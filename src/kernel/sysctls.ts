/**
 * The settings of the network namespace that forwarding and taps need. Each is looked at as the kernel combines it
 * (the interface's own value, or the stronger of it and `all`), and written only when that is wrong: where
 * /proc/sys is read-only, what was set from outside is good enough.
 */

import { readFileSync, writeFileSync } from "node:fs";
import type { Warning } from "./commands.ts";

interface Setting {
  /** Below net, with X for the interface. */
  readonly path: string;
  readonly wanted: string;
  /** own: the interface's value counts. any: 1 in `all` or in the interface is 1. */
  readonly counts: "own" | "any";
  /** Things work without it, only less well. */
  readonly comfort?: true;
}

const TAP: readonly Setting[] = [
  { path: "ipv4/conf/X/proxy_arp", wanted: "1", counts: "any" },
  // Else the first answer to a neighbour comes up to 0.8 s late. No `sysctls:` of a container reaches it.
  { path: "ipv4/neigh/X/proxy_delay", wanted: "0", counts: "own", comfort: true },
  { path: "ipv4/conf/X/forwarding", wanted: "1", counts: "own" },
  { path: "ipv4/conf/X/route_localnet", wanted: "1", counts: "any" },
  { path: "ipv4/conf/X/send_redirects", wanted: "0", counts: "any" },
  { path: "ipv6/conf/X/proxy_ndp", wanted: "1", counts: "any", comfort: true },
  { path: "ipv6/conf/X/forwarding", wanted: "1", counts: "own", comfort: true },
];

const START: readonly Setting[] = [
  { path: "ipv4/ip_forward", wanted: "1", counts: "own" },
  { path: "ipv6/conf/all/forwarding", wanted: "1", counts: "own" },
];

const FAST_SWITCH: Setting = { path: "ipv4/nexthop_compat_mode", wanted: "0", counts: "own" };

/** Sets what the namespace needs as a whole. What cannot be set is a warning: netd runs on. */
export function prepareNamespace(fastSwitch: boolean): Warning[] {
  const warnings: Warning[] = [];
  for (const setting of fastSwitch ? [...START, FAST_SWITCH] : START) {
    const message = ensure(setting, "");
    if (message !== undefined) warnings.push(unset(setting, "", message));
  }
  return warnings;
}

/** Sets what a tap needs. Text when something is missing; `warn` hears of what only makes it less good. */
export function prepareTap(name: string, warn: (warning: Warning) => void): string | undefined {
  if (read("ipv4/conf/X/forwarding", name) === undefined) return `there is no interface ${name}`;
  for (const setting of TAP) {
    const message = ensure(setting, name);
    if (message === undefined) continue;
    if (!setting.comfort) return message;
    warn(unset(setting, name, message));
  }
  return undefined;
}

const unset = ({ path }: Setting, name: string, message: string): Warning => ({
  code: "sysctl.unset",
  subject: spelled(path, name),
  message,
});

function ensure(setting: Setting, name: string): string | undefined {
  const { path, wanted, counts } = setting;
  // IPv6 may be switched off altogether.
  if (isRight(setting, name) || read(path, name) === undefined) return undefined;
  const reason =
    write(path, name, wanted) ??
    (counts === "any" && wanted === "0" ? write(path, "all", wanted) : undefined);
  if (isRight(setting, name)) return undefined;
  const spoiler = read(path, name) === wanted ? "all" : name;
  return `${spelled(path, spoiler)} is ${read(path, spoiler)} and must be ${wanted}: ${reason ?? "it did not change"}`;
}

function isRight({ path, wanted, counts }: Setting, name: string): boolean {
  const own = read(path, name);
  if (counts === "own") return own === wanted;
  return (own === "1" || read(path, "all") === "1" ? "1" : "0") === wanted;
}

const file = (path: string, name: string): string => `/proc/sys/net/${path.replace("X", name)}`;
const spelled = (path: string, name: string): string => `net.${path.replaceAll("/", ".").replace("X", name)}`;

function read(path: string, name: string): string | undefined {
  try {
    return readFileSync(file(path, name), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** @returns why it could not be written */
function write(path: string, name: string, value: string): string | undefined {
  try {
    writeFileSync(file(path, name), value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
