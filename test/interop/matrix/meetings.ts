/** Who meets how, and which steps they take, in the order in which they happen. */

import type { FeatureName } from "./features.ts";
import { type Meeting, OUR_ASN, type SetUp } from "./meeting.ts";
import {
  asPaths,
  beginsAndEnds,
  CLUSTER,
  cutAndHealed,
  drained,
  exactlyThose,
  exchange,
  ipv6NextHops,
  localPreference,
  longMessage,
  neighboursAlone,
  ourReload,
  ownPasswordAtLast,
  reflected,
  refresh,
  SECRET,
  samePassword,
  severalFromThem,
  severalFromUs,
  stopForGood,
  stopForRestart,
  theirReload,
  theyAreLongGone,
  theyRestart,
  weAreLongGone,
  weRestart,
} from "./steps.ts";

type Step = readonly [FeatureName, (meeting: Meeting) => Promise<void>];

interface MeetingPlan {
  readonly name: string;
  /** `can`: what the other side can of the features that the steps show. */
  readonly setUp: (can: (feature: FeatureName) => boolean) => SetUp;
  readonly steps: readonly Step[];
}

/** `v4` and `v6` prefixes under `ten`. */
function routesUnder(ten: number, v4: number, v6: number): string[] {
  return [
    ...Array.from({ length: v4 }, (_, i) => `10.${ten + (i >> 14)}.${(i >> 6) & 255}.${(i & 63) * 4}/30`),
    ...Array.from({ length: v6 }, (_, i) => `2001:db8:${ten}:${(i + 1).toString(16)}::/64`),
  ];
}

const FEW = { ourRoutes: routesUnder(100, 3, 2), theirRoutes: routesUnder(200, 3, 2) };
const FOUR_OCTETS = 4_200_000_001;
const NEIGHBOURS = [
  { address: "10.77.0.4", asn: 65_010 },
  { address: "10.77.0.5", asn: 65_011 },
] as const;

export const MEETINGS: readonly MeetingPlan[] = [
  {
    name: "eBGP with many routes",
    setUp: () => ({
      asn: FOUR_OCTETS,
      transport: "v4",
      passive: "nobody",
      ourRoutes: routesUnder(100, 7000, 3000),
      theirRoutes: routesUnder(200, 7000, 3000),
    }),
    steps: [
      ["session over IPv4", exchange],
      ["10 000 routes each way", exactlyThose],
      ["eBGP", asPaths],
      ["extended messages (RFC 8654)", longMessage],
      ["we stop for good (RFC 9003)", stopForGood],
    ],
  },
  {
    name: "iBGP with changes and restarts",
    setUp: () => ({
      asn: OUR_ASN,
      transport: "v6",
      passive: "them",
      ourRoutes: routesUnder(100, 700, 300),
      theirRoutes: routesUnder(200, 700, 300),
      gracefulRestart: true,
    }),
    steps: [
      ["session over IPv6", exchange],
      ["iBGP", localPreference],
      ["route refresh (RFC 2918)", refresh],
      ["enhanced route refresh (RFC 7313)", beginsAndEnds],
      ["reload of theirs", theirReload],
      ["reload of ours", ourReload],
      ["graceful restart, we keep their routes (RFC 4724)", theyRestart],
      ["graceful restart, they keep our routes (RFC 4724)", weRestart],
      ["we stop for a restart (RFC 8538)", stopForRestart],
    ],
  },
  {
    name: "several paths",
    setUp: () => ({
      asn: FOUR_OCTETS,
      transport: "v4",
      passive: "them",
      ourRoutes: [],
      theirRoutes: [],
      thirds: NEIGHBOURS.map((each) => ({ ...each, toUs: ["198.51.100.1/32"], toThem: ["192.0.2.1/32"] })),
      ours: { addPath: { receive: true, send: "all" } },
      theirs: { addPath: true },
    }),
    steps: [
      ["ADD-PATH, they send (RFC 7911)", severalFromThem],
      ["ADD-PATH, we send (RFC 7911)", severalFromUs],
    ],
  },
  {
    name: "next hops of IPv6",
    setUp: () => ({
      asn: FOUR_OCTETS,
      transport: "v6",
      passive: "them",
      ...FEW,
      ours: { extendedNextHop: true },
      theirs: { extendedNextHop: true },
    }),
    steps: [["IPv4 routes with IPv6 next hops (RFC 8950)", ipv6NextHops]],
  },
  {
    name: "maintenance and long restarts",
    setUp: () => ({
      asn: FOUR_OCTETS,
      transport: "v4",
      passive: "them",
      ...FEW,
      gracefulRestart: true,
      longLived: true,
    }),
    steps: [
      ["graceful shutdown (RFC 8326)", drained],
      ["long-lived graceful restart, we keep their routes (RFC 9494)", theyAreLongGone],
      ["long-lived graceful restart, they keep our routes (RFC 9494)", weAreLongGone],
    ],
  },
  {
    name: "reflection",
    setUp: () => ({
      asn: OUR_ASN,
      transport: "v4",
      passive: "them",
      ourRoutes: [],
      theirRoutes: ["198.51.100.0/24", "203.0.113.0/24"],
      thirds: [{ address: "10.77.0.4", asn: OUR_ASN, toUs: ["192.0.2.1/32", "192.0.2.2/32"], toThem: [] }],
      speaker: { clusterId: CLUSTER },
      ours: { reflectorClient: true, nextHopSelf: true },
    }),
    steps: [["route reflection (RFC 4456)", reflected]],
  },
  protectedMeeting("we", "v4"),
  protectedMeeting("we", "v6"),
  protectedMeeting("they", "v4"),
  protectedMeeting("they", "v6"),
  bfdMeeting("v4"),
  bfdMeeting("v6"),
];

/** One session with all protection that both can. Where we connect, our password is another at first. */
function protectedMeeting(who: "we" | "they", transport: "v4" | "v6"): MeetingPlan {
  const md5 = `TCP-MD5, ${who} connect (RFC 2385)` as const;
  const gtsm = `GTSM, ${who} connect (RFC 5082)` as const;
  return {
    name: `protected over IP${transport}, ${who} connect`,
    setUp: (can) => {
      const ttlSecurity = can(gtsm);
      return {
        asn: FOUR_OCTETS,
        transport,
        passive: who === "we" ? "them" : "us",
        ...FEW,
        ours: { ttlSecurity, ...(can(md5) && { password: who === "we" ? "wrong" : SECRET }) },
        theirs: { ttlSecurity, ...(can(md5) && { password: SECRET }) },
      };
    },
    steps: [
      [md5, who === "we" ? ownPasswordAtLast : samePassword],
      [gtsm, neighboursAlone],
    ],
  };
}

function bfdMeeting(transport: "v4" | "v6"): MeetingPlan {
  return {
    name: `BFD over IP${transport}`,
    setUp: () => ({
      asn: FOUR_OCTETS,
      transport,
      passive: "them",
      ...FEW,
      ours: { holdSeconds: 90, bfd: { intervalMs: 300, multiplier: 3 } },
      theirs: { bfdMs: 300 },
    }),
    steps: [["BFD (RFC 5880)", cutAndHealed]],
  };
}
