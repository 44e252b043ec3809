/** @bgp-ts/core: what another program needs of it. */

export type { BfdTiming } from "./bfd/session.ts";
export type { BmpSystem } from "./bmp/station.ts";
export { BMP_TABLES, type BmpTable } from "./bmp/tables.ts";
export { BmpClient, type BmpSnapshot, type BmpTarget } from "./io/bmp-client.ts";
export { type ListenOptions, type NodeWorld, nodeWorld } from "./io/node-world.ts";
export { rehearse } from "./io/rehearse.ts";
export { encodeRecord } from "./mrt/encode.ts";
export { MrtReader } from "./mrt/reader.ts";
export type {
  MessageRecord,
  MrtFault,
  MrtPeer,
  MrtRecord,
  MrtTime,
  PeerIndexTable,
  RibEntry,
  RibRecord,
  StateChange,
  UnknownRecord,
} from "./mrt/record.ts";
export { ribAttributeOctets, ribAttributes } from "./mrt/rib-attributes.ts";
export { type MrtRow, MrtRows } from "./mrt/rows.ts";
export { type DumpedPath, type DumpedRoute, type TableDump, tableDump } from "./mrt/table-dump.ts";
export type { Address, Family, Prefix } from "./net/address.ts";
export { ChangeMarks, type ChangeSlot } from "./net/change-marks.ts";
export type { CommunityPattern, ExtendedCommunity, LargeCommunity } from "./net/communities.ts";
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
export type { PrivateAsRemoval } from "./rib/as-view.ts";
export type { HeldBack } from "./rib/exporter.ts";
export type { NextHopNeeds, NextHopState, NextHopTold } from "./rib/next-hops.ts";
export type { AdvertisedRoute, Page, ReceivedRoute } from "./rib/snapshot.ts";
export type { RtrVersion } from "./rpki/pdu.ts";
export type { CacheState } from "./rpki/session.ts";
export { VALIDITIES, type Validity, type Vrp } from "./rpki/vrp-table.ts";
export type { Negotiated, PeerRestart, SecondsByFamily } from "./session/negotiation.ts";
export type { ChosenPath } from "./speaker/chosen-paths.ts";
export type { Opens } from "./speaker/connection.ts";
export type { Learned } from "./speaker/deferral.ts";
export type { CacheEvent, PeerEvent, SpeakerEvent } from "./speaker/events.ts";
export type { Loss } from "./speaker/loss.ts";
export type { Monitor, MonitoredPeer, MonitoredSession } from "./speaker/monitor.ts";
export {
  type AddPathOptions,
  type LocalAs,
  type LocalRoute,
  PEER_DEFAULTS,
  type PeerOptions,
  type PrefixLimit,
  type RemoteAsn,
  type SpeakerOptions,
} from "./speaker/options.ts";
export type { BfdSnapshot } from "./speaker/peer-bfd.ts";
export type { MessageFault, OffendingMessage } from "./speaker/peer-error-log.ts";
export type { PeerOrder } from "./speaker/peer-halt.ts";
export type { StaleFamily, StalePhase } from "./speaker/restart-helper.ts";
export type { RouteChange, RouteListener } from "./speaker/route-changes.ts";
export type { FamilyFeed, RouteFeed } from "./speaker/route-feed.ts";
export type { Rpki } from "./speaker/rpki.ts";
export type { CacheOptions, CacheSnapshot } from "./speaker/rpki-cache.ts";
export type {
  ExportSnapshot,
  HaltSnapshot,
  LastSaid,
  PathSnapshot,
  PeerSnapshot,
  RouteFilterOptions,
  RouteSnapshot,
} from "./speaker/snapshots.ts";
export { Speaker, type StopHow } from "./speaker/speaker.ts";
export { MESSAGE_NAMES, type MessageCounts, type MessageName } from "./speaker/traffic.ts";
export type {
  BfdReport,
  BfdTarget,
  BfdWatch,
  DialTarget,
  Link,
  LinkEvents,
  Ports,
  Protection,
  Served,
  World,
} from "./speaker/world.ts";
export type { DecodeContext, EncodeContext } from "./wire/context.ts";
export { type Fault, type FaultFacts, REACTIONS, type Reaction } from "./wire/fault.ts";
export type {
  AddPathFamily,
  AfiSafi,
  Capability,
  ExtendedNextHop,
  GracefulRestart,
  LongLivedFamily,
  Notification,
  Open,
} from "./wire/messages.ts";
export type {
  Aggregator,
  AsPathSegment,
  Ipv6ExtendedCommunity,
  Origin,
  PathAttributes,
  RawAttribute,
} from "./wire/path-attributes.ts";
export { ROLES, type Role } from "./wire/roles.ts";
