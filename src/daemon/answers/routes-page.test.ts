import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Outcome } from "../../bgp/rib/decision.ts";
import type { ExportReason } from "../../bgp/rib/exporter.ts";

const page = readFileSync(new URL("../../../docs/ROUTES.md", import.meta.url), "utf8");

/** In the order of the steps. A name that is missing here, or is no more, is an error of tsc. */
const OUTCOMES: Readonly<Record<Exclude<Outcome, "best">, true>> = {
  rejected: true,
  asLoop: true,
  originatorLoop: true,
  clusterLoop: true,
  nextHopUnreachable: true,
  local: true,
  longLivedStale: true,
  localPref: true,
  asPathLength: true,
  origin: true,
  med: true,
  external: true,
  igpMetric: true,
  multipath: true,
  routerId: true,
  clusterLength: true,
  peerAddress: true,
  pathId: true,
  multipathLimit: true,
  neighbourAs: true,
};

type Told = "accepted by rule" | "no session" | "family not negotiated";
const REASONS: Readonly<Record<Exclude<ExportReason["reason"], Told>, true>> = {
  "no path is used": true,
  "the peer's own path": true,
  "not installed": true,
  "only to customers (RFC 9234)": true,
  "community no-advertise": true,
  "community no-export": true,
  "community no-export-subconfed": true,
  "community llgr-stale": true,
  "from iBGP to iBGP": true,
  "AS_SET in the path (RFC 9774)": true,
  "rejected by rule": true,
  "attributes too long for a message": true,
};

/** The names in code of the first two columns of the tables below a heading. */
function named(heading: string): string[] {
  const section = page.split(/^## /mu).find((part) => part.startsWith(heading))!;
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.flatMap((row) => {
    const [, first = "", second = ""] = row.split("|");
    const cell = /^ \d* *$/u.test(first) ? second : first;
    return [...cell.matchAll(/`([^`]+)`/gu)].map(([, name]) => name!);
  });
}

test("ROUTES.md has every outcome of the decision, in the order of its steps", () => {
  expect(named("Chosen")).toEqual(Object.keys(OUTCOMES));
});

test("ROUTES.md has every reason why a peer is not told", () => {
  expect(named("Told")).toEqual(Object.keys(REASONS));
});
