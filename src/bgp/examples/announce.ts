/** Announces a prefix to one router for as long as it runs. Elsewhere, import from "@bgp-ts/core". */

import {
  ACCEPT_ALL,
  nodeWorld,
  PEER_DEFAULTS,
  parseAddress,
  parsePrefix,
  REJECT_ALL,
  Speaker,
} from "../index.ts";

/** @param nextHop - where packets for the prefix are to go. Returns what takes it back and ends the session. */
export function announce(
  prefix: string,
  nextHop: string,
  own: string,
  router: string,
  port: number,
): () => Promise<void> {
  const world = nodeWorld();
  const routerId = parseAddress(own)!;
  const speaker = new Speaker({ asn: 65001, routerId, multipath: 1, advertiseInstalledOnly: false }, world);
  speaker.announce([{ prefix: parsePrefix(prefix)!, tag: 0, nextHop: parseAddress(nextHop)! }]);
  const remote = { address: parseAddress(router)! };
  const policies = { importPolicy: REJECT_ALL, exportPolicy: ACCEPT_ALL };
  speaker.setPeers([
    { ...PEER_DEFAULTS, ...policies, remote, remoteAsn: 65000, localAddress: routerId, port },
  ]);
  return async () => {
    speaker.stop({ text: "the example is over" });
    await world.close();
  };
}
