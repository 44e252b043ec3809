/** RPKI caches, and what they say of one prefix. */

import type { RpkiAnswer, RpkiCacheAnswer, RpkiPrefixAnswer, ValidityAnswer } from "../api/schema.ts";
import { type Color, type Column, fields, type Look, table } from "./table.ts";
import { clock } from "./text.ts";

type Vrp = RpkiPrefixAnswer["vrps"][number];
type Origin = RpkiPrefixAnswer["origins"][number];

const COLORS: Readonly<Record<ValidityAnswer, Color | undefined>> = {
  valid: "green",
  invalid: "red",
  "not-found": undefined,
};

const CACHES: readonly Column<RpkiCacheAnswer>[] = [
  { header: "Cache", cell: (c) => c.address },
  { header: "Port", align: "right", cell: (c) => String(c.port) },
  { header: "Pref", align: "right", cell: (c) => String(c.preference) },
  { header: "State", cell: (c) => c.state, color: (c) => (c.state === "ready" ? "green" : "yellow") },
  { header: "Believed", cell: (c) => (c.believed ? "yes" : "no") },
  { header: "Version", align: "right", cell: (c) => figure(c.version) },
  { header: "Session", align: "right", cell: (c) => figure(c.sessionId) },
  { header: "Serial", align: "right", cell: (c) => figure(c.serial) },
  { header: "IPv4", align: "right", cell: (c) => String(c.vrps.ipv4) },
  { header: "IPv6", align: "right", cell: (c) => String(c.vrps.ipv6) },
  {
    header: "Expires",
    align: "right",
    cell: (c) => (c.expiresSeconds === undefined ? "" : clock(c.expiresSeconds)),
  },
  {
    header: "Last error",
    clip: 60,
    cell: (c) => (c.lastError ? `${c.lastError.at} ${c.lastError.text}` : ""),
  },
];

const figure = (value: number | undefined): string => (value === undefined ? "" : String(value));

export function rpkiDetail({ caches, vrps }: RpkiAnswer, look: Look): string {
  const facts = fields([
    ["Caches", caches.length === 0 ? "none: every route is not-found" : String(caches.length)],
    ["VRPs in force", `${vrps.ipv4} IPv4, ${vrps.ipv6} IPv6`],
  ]);
  return caches.length === 0 ? facts : `${facts}\n${table(CACHES, caches, look)}`;
}

const ORIGINS: readonly Column<Origin>[] = [
  { header: "Origin", cell: (o) => (o.asn === 0 ? "unknown" : `AS${o.asn}`) },
  { header: "Validity", cell: (o) => o.validity, color: (o) => COLORS[o.validity] },
];

const VRPS: readonly Column<Vrp>[] = [
  { header: "Covered by", cell: (v) => v.prefix },
  { header: "Up to", cell: (v) => `/${v.maxLength}` },
  { header: "Origin", cell: (v) => (v.asn === 0 ? "AS0 (nobody)" : `AS${v.asn}`) },
];

export function rpkiPrefixDetail({ prefix, origins, vrps }: RpkiPrefixAnswer, look: Look): string {
  return [
    fields([
      ["Prefix", prefix],
      ["VRPs", vrps.length === 0 ? "none: any origin is not-found" : String(vrps.length)],
    ]),
    ...(origins.length === 0 ? [] : [table(ORIGINS, origins, look)]),
    ...(vrps.length === 0 ? [] : [table(VRPS, vrps, look)]),
  ].join("\n");
}
