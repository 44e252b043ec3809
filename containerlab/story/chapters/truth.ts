/** What the upstream router says it holds is what the gateway says it announces. */

import type { AnnouncementAnswer } from "../../../src/api/schema.ts";
import type { Output } from "../../runner/background.ts";
import { brief, json, rows } from "../proofs.ts";
import { type Chapter, SETTLE_MS, type Stage } from "../step.ts";

const UPSTREAM = "198.51.100.2";
const GATEWAY = "198.51.100.1";
const ANNOUNCED: readonly string[] = ["gwctl", "show", "announcements", "-o", "json"];
const FRR_HOLDS: readonly string[] = [
  "vtysh",
  "-c",
  `show bgp ipv4 unicast neighbors ${GATEWAY} routes json`,
];

interface FrrPath {
  readonly path: string;
  readonly nexthops: readonly { readonly ip: string }[];
}

/** "PREFIX via NEXT-HOP path AS-PATH", one per prefix, from FRR's JSON. */
export function frrHolds(stdout: string): string[] {
  const table = json(stdout) as { routes?: Readonly<Record<string, readonly FrrPath[]>> } | undefined;
  return Object.entries(table?.routes ?? {})
    .flatMap(([prefix, paths]) =>
      paths.map(({ path, nexthops }) => `${prefix} via ${nexthops[0]?.ip} path ${path.trim()}`),
    )
    .sort();
}

/** The same from what birdc prints. */
export function birdHolds(stdout: string): string[] {
  const routes = stdout.split(/^(?=\d)/m).slice(1);
  return routes
    .flatMap((route) => {
      const prefix = /^(\d\S+\/\d+) /.exec(route)?.[1];
      const [, path] = /BGP\.as_path: (.*)/.exec(route) ?? [];
      const [, nextHop] = /BGP\.next_hop: (\S+)/.exec(route) ?? [];
      return prefix === undefined ? [] : [`${prefix} via ${nextHop} path ${path?.trim()}`];
    })
    .sort();
}

/** And from `gwctl show announcements -o json`, of what the upstream router was told. */
export function announced(stdout: string): string[] {
  return rows<AnnouncementAnswer>(stdout)
    .filter(({ peer }) => peer === UPSTREAM)
    .map(({ prefix, nextHop, asPath }) => `${prefix} via ${nextHop} path ${asPath}`)
    .sort();
}

/** Asks both at once and puts what they say side by side. */
export async function compare(
  { lab }: Stage,
  command: readonly string[],
  holds: (stdout: string) => string[],
): Promise<Output> {
  const [there, here] = await Promise.all([
    lab.node("upstream").exec(command),
    lab.node("gw").exec(ANNOUNCED),
  ]);
  const compared = { holds: holds(there.stdout), announced: announced(here.stdout) };
  return {
    stdout: JSON.stringify(compared),
    stderr: there.stderr + here.stderr,
    code: there.code || here.code,
  };
}

/** Both lists are the same, and not empty. */
export function agree({ stdout, stderr }: Output): { holds: boolean; said: string } {
  const { holds = [], announced: said = [] } = (json(stdout) ?? {}) as {
    holds?: string[];
    announced?: string[];
  };
  const more = holds.filter((route) => !said.includes(route));
  const less = said.filter((route) => !holds.includes(route));
  if (more.length + less.length > 0) {
    return { holds: false, said: `held only: ${more.join(", ")}; announced only: ${less.join(", ")}` };
  }
  if (holds.length === 0) return { holds: false, said: brief(stderr) };
  return { holds: true, said: `${holds.length} routes, the same on both sides: ${holds.join(", ")}` };
}

export const truth: Chapter = {
  title: "Truth",
  steps: [
    {
      id: "truth",
      sentence: "What the upstream router says it holds is exactly what `gwctl show announcements` says",
      node: "upstream",
      command: FRR_HOLDS,
      withinMs: SETTLE_MS,
      perform: (stage) => compare(stage, FRR_HOLDS, frrHolds),
      prove: agree,
    },
  ],
};
