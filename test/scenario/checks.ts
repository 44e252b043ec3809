/** What must hold once the dust has settled. Each check returns what is wrong, in words; nothing: all is well. */

import type { Family } from "../../src/bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../../src/bgp/net/text.ts";
import type { FamilyRib } from "../../src/bgp/rib/rib.ts";
import type { PeerSnapshot } from "../../src/bgp/speaker/snapshots.ts";
import type { Speaker } from "../../src/bgp/speaker/speaker.ts";
import { address } from "../../src/bgp/speaker/testing/nodes.ts";
import type { PathAttributes } from "../../src/bgp/wire/path-attributes.ts";
import type { Machine } from "./machines.ts";
import { type Path, type Router, solve } from "./oracle.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** Every Loc-RIB is the oracle's. */
export function locRibs(machines: readonly Machine[]): string[] {
  const idsByPath = new Map(machines.map((machine) => [machine.router.name, pathIdsOf(machine)]));
  const pathIds = ({ name }: Router, path: Path, nth: number): number =>
    idsByPath.get(name)!.get(`from ${path.from}: ${describe(path)}`)?.[nth] ?? 0;
  const expected = solve(
    machines.map(({ router }) => router),
    pathIds,
  );
  return machines.flatMap((machine) => {
    const { name } = machine.router;
    const want = [...expected.get(name)!.values()].flatMap(({ chosen }) => chosen.map(lineOfPath));
    return differences(`Loc-RIB of ${name}`, chosenLines(machine), want);
  });
}

/** What one side has sent is what the other side holds, and nothing waits to be sent. */
export function adjRibs(machines: readonly Machine[]): string[] {
  const wrong: string[] = [];
  for (const from of machines) {
    for (const to of machines) {
      if (!from.router.neighbours.has(to.router.name)) continue;
      const sent = [...from.speaker.advertised(address(to.router.name))];
      const received = [...to.speaker.received(address(from.router.name))];
      const where = `${from.router.name} to ${to.router.name}`;
      wrong.push(
        ...differences(
          `told by ${where}`,
          received.map(({ prefix, pathId, received: as }) => `${pathId} ${lineOf(prefix, as)}`),
          sent.map(({ prefix, pathId, attributes }) => `${pathId} ${lineOf(prefix, attributes)}`),
        ),
        ...sent.filter(({ pending }) => pending).map((r) => `${where}: ${formatPrefix(r.prefix)} waits`),
        ...received.filter(({ stale }) => stale).map((r) => `${where}: ${formatPrefix(r.prefix)} is stale`),
      );
    }
  }
  return wrong;
}

/** Every counter says what a list says, and no set has anything left to do. */
export function nothingPending(machines: readonly Machine[]): string[] {
  return machines.flatMap((machine) => {
    const { router, speaker } = machine;
    const ribs = FAMILIES.flatMap((family) => pendingIn(speaker.rib.of(family)));
    const wrong = [...ribs, ...speaker.peers().flatMap((of) => miscounts(speaker, of))];
    return wrong.map((words) => `${router.name}: ${words}`);
  });
}

function pendingIn({ best, exports }: FamilyRib): string[] {
  const toSend = [...exports.groups].flatMap((group) => group.members.map((of) => group.pendingFor(of)));
  return [
    ...(best.pending > 0 ? [`${best.pending} prefixes to decide`] : []),
    ...(Math.max(0, ...toSend) > 0 ? [`${Math.max(...toSend)} prefixes to send`] : []),
  ];
}

function miscounts(speaker: Speaker, of: PeerSnapshot): string[] {
  const { prefixes, gracefulRestart, updateErrors } = of;
  const counts: [string, number, number][] = [
    ["advertised", prefixes.advertised, [...speaker.advertised(of.address)].length],
    ["received", prefixes.received, [...speaker.received(of.address)].length],
    ["stale", gracefulRestart.stalePaths, 0],
    ["withdrawn as malformed", updateErrors["treat-as-withdraw"], 0],
    ["attributes discarded", updateErrors["attribute-discard"], 0],
    ["reset as malformed", updateErrors["session-reset"], 0],
  ];
  return counts
    .filter(([, is, want]) => is !== want)
    .map(([what, is, want]) => `peer ${formatAddress(of.address)}: ${is} ${what}, not ${want}`);
}

/** After all was withdrawn: no prefix, no attribute set. */
export function nothingHeld(machines: readonly Machine[]): string[] {
  return machines.flatMap(({ router, speaker: { rib } }) => {
    const held = { attributes: rib.pool.size, v4: rib.v4.prefixes.size, v6: rib.v6.prefixes.size };
    return Object.entries(held).flatMap(([of, count]) =>
      count === 0 ? [] : [`${router.name}: ${count} ${of} left`],
    );
  });
}

/** The numbers under which neighbours tell their paths (RFC 7911), by what they look like, in their order. */
function pathIdsOf({ speaker }: Machine): Map<string, number[]> {
  const ids = new Map<string, number[]>();
  for (const { prefix, paths } of speaker.routes()) {
    for (const { peer, pathId, attributes } of paths) {
      if (peer === undefined) continue;
      const key = `from ${formatAddress(peer)}: ${lineOf(prefix, attributes)}`;
      ids.set(
        key,
        [...(ids.get(key) ?? []), pathId].sort((a, b) => a - b),
      );
    }
  }
  return ids;
}

function chosenLines({ speaker }: Machine): string[] {
  const lines: string[] = [];
  for (const { prefix, paths } of speaker.routes()) {
    for (const { peer, attributes, status } of paths) {
      if (status !== "best" && status !== "multipath") continue;
      const from = peer === undefined ? "own" : `from ${formatAddress(peer)}`;
      lines.push(`${status} ${from}: ${lineOf(prefix, attributes, peer === undefined)}`);
    }
  }
  return lines;
}

function lineOf(prefix: Parameters<typeof formatPrefix>[0], a: PathAttributes, isOwn = false): string {
  return describe({
    prefix: formatPrefix(prefix),
    nextHop: isOwn ? "self" : formatAddress(a.nextHop),
    asPath: a.asPath.flatMap(({ asns }) => asns),
    origin: a.origin,
    med: a.med,
    localPref: a.localPref ?? 100,
    communities: a.communities,
  });
}

const lineOfPath = (path: Path, place: number): string => {
  const from = path.from === undefined ? "own" : `from ${path.from}`;
  return `${place === 0 ? "best" : "multipath"} ${from}: ${describe(path)}`;
};

const describe = (path: Omit<Path, "from" | "external">): string =>
  `${path.prefix} via ${path.nextHop} path [${path.asPath.join(" ")}] origin ${path.origin} med ${path.med ?? "-"} ` +
  `pref ${path.localPref} communities [${[...path.communities].sort((a, b) => a - b).join(" ")}]`;

/** Both may hold equal lines: of several paths of one neighbour some may look alike. */
function differences(what: string, is: readonly string[], want: readonly string[]): string[] {
  const balance = new Map<string, number>();
  for (const line of want) balance.set(line, (balance.get(line) ?? 0) + 1);
  for (const line of is) balance.set(line, (balance.get(line) ?? 0) - 1);
  return [...balance].flatMap(([line, missing]) => {
    if (missing === 0) return [];
    return [`${what}: ${missing > 0 ? "missing" : "too much"} ${line}`];
  });
}
