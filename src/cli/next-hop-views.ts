/** Next hops in tables, and what they mean for the paths of a route. */

import type { NextHopAnswer } from "../api/next-hop-schema.ts";
import type { RoutePath } from "../api/schema.ts";
import { type Column, type Look, table } from "./table.ts";

const figure = (value: number | undefined): string => (value === undefined ? "" : String(value));

export function nextHopsTable(nextHops: readonly NextHopAnswer[], look: Look): string {
  const columns: Column<NextHopAnswer>[] = [
    { header: "Next hop", cell: (n) => n.nextHop },
    {
      header: "Reachable",
      cell: (n) => (n.reachable ? "yes" : "no"),
      color: (n) => (n.reachable ? "green" : "red"),
    },
    { header: "Metric", align: "right", cell: (n) => figure(n.metric) },
    { header: "By route", cell: (n) => n.route ?? "" },
    { header: "Via", cell: viaOf },
    { header: "Reason", cell: (n) => n.reason ?? "" },
  ];
  return table(columns, nextHops, look);
}

const viaOf = ({ via }: NextHopAnswer): string =>
  via.map(({ gateway = "on link", interface: name }) => `${gateway} dev ${name}`).join(", ");

/** What the kernel says of the next hops of paths, where it matters. */
export function nextHopColumns(paths: readonly RoutePath[]): readonly Column<RoutePath>[] {
  const columns: Column<RoutePath>[] = [];
  if (paths.some(({ igpMetric = 0 }) => igpMetric > 0))
    columns.push({ header: "IGP", align: "right", cell: (path) => figure(path.igpMetric) });
  if (paths.some(({ reason }) => reason !== undefined))
    columns.push({ header: "Why", cell: (path) => path.reason ?? "" });
  return columns;
}
