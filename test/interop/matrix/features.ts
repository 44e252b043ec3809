/**
 * The rows of docs/INTEROP.md, in its order. `shown`: what a test asks of both ends, for the page. How it asks is a step
 * of a meeting, in `steps.ts`.
 */
export const FEATURES = [
  {
    name: "session over IPv4",
    shown:
      "a session between IPv4 addresses carries routes of both families, each with a next hop of its own family",
  },
  { name: "session over IPv6", shown: "the same between IPv6 addresses" },
  { name: "eBGP", shown: "the AS path of both; theirs is an AS number of four octets" },
  { name: "iBGP", shown: "an empty AS path and LOCAL_PREF" },
  {
    name: "10 000 routes each way",
    shown: "7 000 of IPv4 and 3 000 of IPv6: each side has exactly those that the other announces",
  },
  {
    name: "ADD-PATH, we send (RFC 7911)",
    shown: "two paths of a prefix, that two other AS told us, arrive; one goes, and comes again",
  },
  {
    name: "ADD-PATH, they send (RFC 7911)",
    shown:
      "two paths of a prefix, that two other AS told them, arrive, under different identifiers; one goes, where they say so",
  },
  {
    name: "route reflection (RFC 4456)",
    shown:
      "they are a client of ours: routes pass both ways between them and a third of the AS, next hops as they were",
  },
  {
    name: "IPv4 routes with IPv6 next hops (RFC 8950)",
    shown: "both ways on a session over IPv6",
  },
  {
    name: "extended messages (RFC 8654)",
    shown:
      "a route of ours with 1 500 communities, which no message of 4 096 octets holds, arrives with all of them",
  },
  {
    name: "route refresh (RFC 2918)",
    shown: "they ask for both families, are told everything again, and lose no route meanwhile",
  },
  {
    name: "enhanced route refresh (RFC 7313)",
    shown: "of those that ask, each hears a begin and an end for each family",
  },
  {
    name: "reload of theirs",
    shown: "their configuration is changed to announce other routes, and the session stays",
  },
  {
    name: "reload of ours",
    shown: "other import and export policies act on the routes that are there, and the session stays",
  },
  {
    name: "TCP-MD5, we connect (RFC 2385)",
    shown:
      "over IPv4 and IPv6: no session and the reason while our password is another, and one when it is theirs",
  },
  { name: "TCP-MD5, they connect (RFC 2385)", shown: "over IPv4 and IPv6: a session with the same password" },
  {
    name: "GTSM, we connect (RFC 5082)",
    shown: "over IPv4 and IPv6: a session of which we hear TTL 255 alone",
  },
  { name: "GTSM, they connect (RFC 5082)", shown: "the same where they connect" },
  {
    name: "graceful restart, they keep our routes (RFC 4724)",
    shown: "we are killed, start again and announce later; they have all our routes all the time",
  },
  {
    name: "graceful restart, we keep their routes (RFC 4724)",
    shown: "they are killed and start again; their routes are stale, then not, and never gone",
  },
  {
    name: "long-lived graceful restart, they keep our routes (RFC 9494)",
    shown: "beyond the restart time, marked as stale, until we are back",
  },
  {
    name: "long-lived graceful restart, we keep their routes (RFC 9494)",
    shown: "the same of theirs, and none was gone",
  },
  {
    name: "graceful shutdown (RFC 8326)",
    shown:
      "while we drain the session, our routes bear the community there, and theirs have the lowest preference here",
  },
  {
    name: "we stop for a restart (RFC 8538)",
    shown: "after `gatewayd stop --graceful` they keep our routes",
  },
  { name: "we stop for good (RFC 9003)", shown: "after `gatewayd stop` they have none of our routes" },
  {
    name: "BFD (RFC 5880)",
    shown:
      "over IPv4 and IPv6: a cut link ends the session, with its routes, long before the hold time; both come back",
  },
] as const;

export type FeatureName = (typeof FEATURES)[number]["name"];
