/** What happens to peers, as log lines: one per event, with codes that never change. */

import { formatAddress } from "../bgp/net/text.ts";
import type { SpeakerEvent } from "../bgp/speaker/events.ts";
import type { Log } from "./log.ts";

export function logSpeakerEvent(log: Log, event: SpeakerEvent): void {
  const { peer: address, on, ...facts } = event;
  const peer = formatAddress(address);
  switch (event.on) {
    case "session-up":
      log.info({ event: "bgp.session.up", peer, ...facts }, "session established");
      break;
    case "session-down":
      log.warn({ event: "bgp.session.down", peer, ...facts }, "session lost");
      break;
    case "connection-failed":
      log.debug({ event: "bgp.connection.failed", peer, ...facts }, "no session yet");
      break;
    case "notification-sent":
    case "notification-received":
      log.warn({ event: `bgp.${on.replace("-", ".")}`, peer, ...facts }, "NOTIFICATION");
      break;
    case "malformed-update":
      log.warn({ event: "bgp.update.malformed", peer, ...facts }, "malformed UPDATE (RFC 7606)");
      break;
    case "max-prefix":
      log.error({ event: "bgp.peer.max-prefix", peer, ...facts }, "more prefixes than maxPrefixes allows");
      break;
    case "collision":
      log.info({ event: "bgp.connection.collision", peer, ...facts }, "two connections at once");
      break;
    case "end-of-rib":
      log.info({ event: "bgp.peer.end-of-rib", peer, ...facts }, "the peer has told all it knows");
      break;
    case "stale-expired":
      log.warn({ event: "bgp.peer.stale-expired", peer, ...facts }, "the peer did not come back in time");
      break;
    case "dynamic-peer-created":
    case "dynamic-peer-gone":
      log.info({ event: `bgp.peer.${on.slice("dynamic-peer-".length)}`, peer }, "peer of a range");
      break;
    case "unsendable":
      log.error({ event: "bgp.route.unsendable", peer, ...facts }, "attributes do not fit into one message");
      break;
    case "no-next-hop":
      log.error({ event: "bgp.session.no-next-hop", peer, ...facts }, "no address of ours in this family");
      break;
    default:
      event satisfies never;
  }
}
