/** @bgp-ts/core: what another program needs of it. */

export { type NodeWorld, nodeWorld } from "./io/node-world.ts";
export { encodeRecord } from "./mrt/encode.ts";
export { MrtReader } from "./mrt/reader.ts";
export type { MrtFault, MrtPeer, MrtRecord } from "./mrt/record.ts";
export { ribAttributeOctets, ribAttributes } from "./mrt/rib-attributes.ts";
export { type MrtRow, MrtRows } from "./mrt/rows.ts";
export { type TableDump, tableDump } from "./mrt/table-dump.ts";
export type { Address, Family, Prefix } from "./net/address.ts";
export { formatAddress, formatPrefix, parseAddress, parsePrefix } from "./net/text.ts";
export {
  ACCEPT_ALL,
  type Changes,
  type Match,
  type Policy,
  type PrefixRange,
  REJECT_ALL,
  type Rule,
} from "./policy/rules.ts";
export type { AdvertisedRoute, Page, ReceivedRoute } from "./rib/snapshot.ts";
export type { Learned } from "./speaker/deferral.ts";
export type { PeerEvent, SpeakerEvent } from "./speaker/events.ts";
export {
  type LocalRoute,
  PEER_DEFAULTS,
  type PeerOptions,
  type PrefixLimit,
  type SpeakerOptions,
} from "./speaker/options.ts";
export type { PeerOrder } from "./speaker/peer-halt.ts";
export type { ChosenPath, RouteChange, RouteListener } from "./speaker/route-changes.ts";
export type {
  PathSnapshot,
  PeerSnapshot,
  RouteFilterOptions,
  RouteSnapshot,
} from "./speaker/snapshots.ts";
export { Speaker, type StopHow } from "./speaker/speaker.ts";
export type { DialTarget, Link, LinkEvents, Protection, Served, World } from "./speaker/world.ts";
export type { PathAttributes } from "./wire/path-attributes.ts";
