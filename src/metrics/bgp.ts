/** Sessions, what they carry, and what this speaker originates. */

import type { Registry } from "prom-client";
import type { AnycastAnswer, MonitorAnswer, PeerAnswer } from "../api/schema.ts";
import { addCounter, addGauge, one, type Sample } from "./family.ts";
import type { Read } from "./snapshot.ts";

const PEER = ["peer", "peer_as"] as const;

/** RFC 4271 §8.2.2, in its order. */
const FSM_STATES: Readonly<Record<PeerAnswer["state"], number>> = {
  idle: 1,
  connect: 2,
  active: 3,
  "open-sent": 4,
  "open-confirm": 5,
  established: 6,
};

/** Why no session is wanted: a gauge each. */
const HALTS = [
  ["shutdown", "shutdown", "1: an operator shut the peer down. 0: not."],
  ["max-prefixes", "over_limit", "1: there is no session since the peer told too many prefixes. 0: not so."],
] as const;

/** RFC 7606 §2, by the words of the label. */
const ACTIONS: Readonly<Record<string, string>> = {
  "attribute-discard": "discard",
  "treat-as-withdraw": "withdraw",
  "session-reset": "reset",
};

export function addBgp(registry: Registry, read: Read): void {
  addSessions(registry, read);
  addMessages(registry, read);
  addPrefixes(registry, read);
  addOwn(registry, read);
  addMonitors(registry, read);
  addNextHops(registry, read);
}

function addNextHops(registry: Registry, read: Read): void {
  const count = (reachable: boolean): number =>
    read().nextHops.filter((nextHop) => nextHop.reachable === reachable).length;
  addGauge(
    registry,
    {
      name: "bgp_next_hops",
      help: "Next hops of accepted paths, by whether the kernel gets there; 0 without a kernel.",
      labels: ["reachable"],
    },
    () =>
      [true, false].map((reachable) => ({ labels: { reachable: `${reachable}` }, value: count(reachable) })),
  );
}

/** Files are no label: their names change with the time. */
function addMonitors(registry: Registry, read: Read): void {
  const ofKind = (kind: MonitorAnswer["kind"]): readonly MonitorAnswer[] =>
    read().monitors.filter((monitor) => monitor.kind === kind);
  addGauge(
    registry,
    {
      name: "bmp_station_up",
      help: "1: the monitoring station (RFC 7854) is connected. 0: it is not.",
      labels: ["station"],
    },
    () =>
      ofKind("bmp").map(({ target, state }) => ({
        labels: { station: target },
        value: Number(state === "up"),
      })),
  );
  addCounter(
    registry,
    {
      name: "mrt_records_lost_total",
      help: "Messages of peers that are in no MRT file, since it could not be written.",
      labels: [],
    },
    () => ofKind("mrt").map(({ lost }) => ({ labels: {}, value: lost })),
  );
}

function addSessions(registry: Registry, read: Read): void {
  const perPeer = (figureOf: (peer: PeerAnswer) => number) => () => perPeerOf(read, figureOf);
  addGauge(
    registry,
    { name: "bgp_peer_state", help: "1: the session is established. 0: it is not.", labels: PEER },
    perPeer((p) => Number(p.state === "established")),
  );
  addGauge(
    registry,
    {
      name: "bgp_peer_fsm_state",
      help: "State of RFC 4271 section 8.2.2: 1 Idle, 2 Connect, 3 Active, 4 OpenSent, 5 OpenConfirm, 6 Established.",
      labels: PEER,
    },
    perPeer((p) => FSM_STATES[p.state]),
  );
  for (const [reason, name, help] of HALTS) {
    addGauge(registry, { name: `bgp_peer_${name}`, help, labels: PEER }, () =>
      perPeerOf(read, (peer) => Number(peer.halt?.reason === reason)),
    );
  }
  addGauge(
    registry,
    {
      name: "bgp_peer_uptime_seconds",
      help: "Since the session was established; 0 while it is not.",
      labels: PEER,
    },
    perPeer((p) => (p.state === "established" ? p.sinceSeconds : 0)),
  );
  addCounter(
    registry,
    { name: "bgp_peer_flaps_total", help: "Times that an established session went down.", labels: PEER },
    perPeer((p) => p.flaps),
  );
  addGauge(
    registry,
    {
      name: "bfd_session_up",
      help: "1: the BFD session is up. 0: it is not. Absent: the peer is not watched by BFD.",
      labels: PEER,
    },
    () =>
      read().peers.flatMap((peer) =>
        peer.bfd === undefined ? [] : [{ labels: labelsOf(peer), value: Number(peer.bfd.state === "up") }],
      ),
  );
  addGauge(
    registry,
    {
      name: "bgp_peer_info",
      help: "Always 1; what is known of a peer by configuration.",
      labels: [...PEER, "local_as", "group", "description"],
    },
    () => read().peers.map((peer) => ({ labels: { ...labelsOf(peer), ...infoOf(peer) }, value: 1 })),
  );
}

function addMessages(registry: Registry, read: Read): void {
  for (const direction of ["received", "sent"] as const) {
    addCounter(
      registry,
      {
        name: `bgp_messages_${direction}_total`,
        help: `Messages ${direction}, by type.`,
        labels: [...PEER, "type"],
      },
      () => byKey(read, "type", (peer) => peer.messages[direction]),
    );
  }
  addCounter(
    registry,
    {
      name: "bgp_update_errors_total",
      help: "Malformed UPDATEs, by what they cost (RFC 7606): discard (of an attribute), withdraw, reset.",
      labels: [...PEER, "action"],
    },
    () => byKey(read, "action", errorsOf),
  );
  addCounter(
    registry,
    {
      name: "bgp_routes_unsendable_total",
      help: "Times that a route was not told to the peer because its attributes do not fit into a message (RFC 8654).",
      labels: PEER,
    },
    () => perPeerOf(read, (peer) => peer.unsendable),
  );
}

function addPrefixes(registry: Registry, read: Read): void {
  const help = {
    received: "Prefixes that the peer told us and did not withdraw.",
    accepted: "Of these, the ones that its import policy lets in and that are no loop.",
    advertised: "Prefixes that the peer was told.",
  };
  for (const which of ["received", "accepted", "advertised"] as const) {
    addGauge(registry, { name: `bgp_prefixes_${which}`, help: help[which], labels: PEER }, () =>
      perPeerOf(read, (peer) => peer.prefixes[which]),
    );
  }
  for (const [which, help] of [
    ["limit", "Prefixes that the peer may tell. Absent: any number."],
    ["warning", "Prefixes from which on there is a warning. Absent: there is no limit."],
  ] as const) {
    addGauge(registry, { name: `bgp_prefixes_${which}`, help, labels: PEER }, () =>
      read().peers.flatMap((peer) => {
        const { maxPrefixes } = peer;
        if (maxPrefixes === undefined) return [];
        return [
          { labels: labelsOf(peer), value: which === "limit" ? maxPrefixes.limit : maxPrefixes.warnAt },
        ];
      }),
    );
  }
  addGauge(
    registry,
    {
      name: "bgp_paths_stale",
      help: "Paths kept although their peer is restarting (RFC 4724).",
      labels: PEER,
    },
    () => perPeerOf(read, (peer) => peer.gracefulRestart.stalePaths),
  );
  addGauge(
    registry,
    {
      name: "bgp_paths_stale_left_seconds",
      help: "Until stale paths go, or become a last resort. phase: restarting, long-lived (RFC 9494) or refreshing.",
      labels: [...PEER, "family", "phase"],
    },
    () =>
      read().peers.flatMap((peer) =>
        peer.gracefulRestart.stale.map(({ family, phase, leftSeconds }) => ({
          labels: { ...labelsOf(peer), family, phase },
          value: leftSeconds,
        })),
      ),
  );
}

function addOwn(registry: Registry, read: Read): void {
  addGauge(
    registry,
    {
      name: "announcement_info",
      help: "Always 1; a prefix that this speaker originates. health, of anycast: up, partial, down or unchecked.",
      labels: ["prefix", "kind", "health"],
    },
    () =>
      read().own.items.map(({ prefix, kind }) => ({
        labels: { prefix, kind, health: healthOf(prefix, read().anycast) },
        value: 1,
      })),
  );
  addGauge(
    registry,
    {
      name: "announcement_info_truncated",
      help: "1: there are more own prefixes than announcement_info shows.",
    },
    () => one(read().own.next !== undefined),
  );
}

const labelsOf = (peer: PeerAnswer): Record<string, string> => ({
  // The address behind an interface changes with every card that is put in.
  peer: peer.interface ?? peer.address,
  // Nor does the name of a series change when a session comes up.
  peer_as: peer.anyAsn === true ? "external" : String(peer.asn),
});

const infoOf = (peer: PeerAnswer): Record<string, string> => ({
  local_as: String(peer.localAsn),
  group: peer.group ?? "",
  description: peer.description ?? "",
});

const perPeerOf = (read: Read, figureOf: (peer: PeerAnswer) => number): Sample[] =>
  read().peers.map((peer) => ({ labels: labelsOf(peer), value: figureOf(peer) }));

function byKey(
  read: Read,
  label: string,
  countsOf: (peer: PeerAnswer) => Readonly<Record<string, number>>,
): Sample[] {
  return read().peers.flatMap((peer) =>
    Object.entries(countsOf(peer)).map(([key, value]) => ({
      labels: { ...labelsOf(peer), [label]: key },
      value,
    })),
  );
}

/** Every action, those that never happened too: an alert on an increase needs the zero before it. */
function errorsOf(peer: PeerAnswer): Record<string, number> {
  const counts: Record<string, number> = { discard: 0, withdraw: 0, reset: 0 };
  for (const [reaction, count] of Object.entries(peer.updateErrors)) {
    const action = ACTIONS[reaction] ?? reaction;
    counts[action] = (counts[action] ?? 0) + count;
  }
  return counts;
}

function healthOf(prefix: string, services: readonly AnycastAnswer[]): string {
  const service = services.find(({ address }) => prefix === `${address}/${address.includes(":") ? 128 : 32}`);
  const checked = (service?.members ?? []).filter(({ health }) => health === "up" || health === "down");
  const up = checked.filter(({ health }) => health === "up").length;
  if (checked.length === 0) return "unchecked";
  if (up === 0) return "down";
  return up === checked.length ? "up" : "partial";
}
