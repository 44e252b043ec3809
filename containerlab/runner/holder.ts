/** The shell script that makes a process into the holder of a node: it sets up what a container runtime would. */

import { existsSync, statSync } from "node:fs";
import { INSIDE } from "./images.ts";
import type { Bind, TopologyNode } from "./topology.ts";
import { typed } from "./words.ts";

/** Directories of which each node has its own copy to write to: the machine's, with a layer in memory above. */
const OWN_DIRECTORIES = ["etc", "opt", "tmp", "var"];

/**
 * What runs as the first process of the node's new namespaces. It prints its process id, as the machine sees it, once
 * everything is in place, and then waits for ever, reaping what was orphaned in the node.
 *
 * @param places.run - becomes the node's /run: what the node puts there can be reached from the machine
 * @param places.memory - an empty directory, not below any of those that a node has its own copy of
 * @param places.root - of this repository
 */
export function holderScript(
  node: TopologyNode,
  { run, memory, root }: { readonly run: string; readonly memory: string; readonly root: string },
): string {
  const binds: Bind[] = [{ source: root, target: INSIDE, readOnly: true }, ...node.binds];
  const own = new Set([...OWN_DIRECTORIES, ...binds.map(({ target }) => target.split("/")[1] ?? "")]);
  own.delete("run");
  for (const name of own) {
    if (!existsSync(`/${name}`)) {
      throw new Error(
        `node ${node.name}: nothing can be bound below /${name}, which this machine does not have`,
      );
    }
  }
  const lines = [
    "set -e",
    // The machine's /proc is still in place, so this is the id that the machine knows.
    "read -r pid rest </proc/self/stat",
    "mount -t proc proc /proc",
    "mount -t sysfs sysfs /sys",
    `printf %s ${typed([node.name])} >/proc/sys/kernel/hostname`,
    "ip link set lo up",
    ...Object.entries(node.sysctls).map(sysctl),
    ...layers([...own], memory),
    `mount --bind ${typed([run])} /run`,
    ...binds.flatMap(bind),
    // As in a container: what the topology did not ask for cannot be set from within.
    ...(node.privileged ? [] : ["mount --bind /proc/sys /proc/sys", "mount -o remount,bind,ro /proc/sys"]),
    'echo "$pid"',
    "exec </dev/null >/dev/null 2>&1",
    "while :; do sleep 1000000 & wait; done",
  ];
  return `${lines.join("\n")}\n`;
}

function sysctl([name, value]: [string, string]): string {
  // In a name with dots the parts of an interface's name that has dots itself are written with slashes.
  const path = `/proc/sys/${name.replace(/[./]/g, (mark) => (mark === "." ? "/" : "."))}`;
  const write = `printf %s ${typed([value])} >${typed([path])}`;
  // A machine may have IPv6 switched off altogether; then there is nothing to set.
  return name.startsWith("net.ipv6.") ? `[ ! -e /proc/sys/net/ipv6 ] || ${write}` : write;
}

/** Overlays on memory that only this node sees. */
function layers(directories: readonly string[], memory: string): string[] {
  const at = (name: string): string => typed([`${memory}/${name}`]);
  return [
    `mount -t tmpfs -o mode=755 tmpfs ${typed([memory])}`,
    ...directories.flatMap((name) => [
      `mkdir -p ${at(`${name}/upper`)} ${at(`${name}/work`)}`,
      // The merged directory has the owner and mode of the upper one.
      `chown --reference=/${name} ${at(`${name}/upper`)}; chmod --reference=/${name} ${at(`${name}/upper`)}`,
      `mount -t overlay overlay -o ${typed([
        `lowerdir=/${name},upperdir=${memory}/${name}/upper,workdir=${memory}/${name}/work`,
      ])} /${name}`,
    ]),
  ];
}

function bind({ source, target, readOnly }: Bind): string[] {
  const to = typed([target]);
  const make = statSync(source).isDirectory() ? `mkdir -p ${to}` : `mkdir -p "$(dirname ${to})"; : >>${to}`;
  const mount = `mount --bind ${typed([source])} ${to}`;
  return [make, mount, ...(readOnly ? [`mount -o remount,bind,ro ${to}`] : [])];
}
