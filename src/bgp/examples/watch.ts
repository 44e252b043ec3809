/** Watches the table of one router: a line for every prefix whose best paths change. */

import {
  ACCEPT_ALL,
  formatAddress,
  formatPrefix,
  nodeWorld,
  PEER_DEFAULTS,
  parseAddress,
  Speaker,
} from "../index.ts";

/** Returns what ends it. */
export function watch(
  own: string,
  router: string,
  port: number,
  line: (text: string) => void,
): () => Promise<void> {
  const world = nodeWorld();
  const routerId = parseAddress(own)!;
  const speaker = new Speaker({ asn: 65002, routerId, multipath: 4, advertiseInstalledOnly: false }, world);
  speaker.onRoutes((changes) => {
    for (const { prefix, paths } of changes) {
      const hops = paths.map(({ nextHop }) => formatAddress(nextHop)).join(", ");
      line(`${formatPrefix(prefix)} ${hops === "" ? "is gone" : `via ${hops}`}`);
    }
  });
  const remote = { address: parseAddress(router)! };
  const peer = { ...PEER_DEFAULTS, importPolicy: ACCEPT_ALL, remote, remoteAsn: 65000 };
  speaker.setPeers([{ ...peer, localAddress: routerId, port }]);
  return async () => {
    speaker.stop({ text: "the example is over" });
    await world.close();
  };
}
