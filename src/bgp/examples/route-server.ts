/**
 * A route server: tells every member what the others told, so that they need one session each instead of one with every
 * other. Not a transparent one (RFC 7947 §2.2): our AS number and our address stand in what it tells.
 */

import { ACCEPT_ALL, nodeWorld, PEER_DEFAULTS, parseAddress, parsePrefix, Speaker } from "../index.ts";

export interface Member {
  readonly asn: number;
  /** Whoever connects from there is a member. */
  readonly range: string;
}

/** @param port - 0: a free one. Resolves when it listens. */
export async function routeServer(
  own: string,
  port: number,
  members: readonly Member[],
): Promise<{ readonly port: number; readonly speaker: Speaker; readonly stop: () => Promise<void> }> {
  const world = nodeWorld();
  const routerId = parseAddress(own)!;
  const speaker = new Speaker({ asn: 65000, routerId, multipath: 1, advertiseInstalledOnly: false }, world);
  const policies = { importPolicy: ACCEPT_ALL, exportPolicy: ACCEPT_ALL };
  speaker.setPeers(
    members.map(({ asn, range }) => {
      const remote = { range: parsePrefix(range)!, limit: 100 };
      return {
        ...PEER_DEFAULTS,
        ...policies,
        remote,
        remoteAsn: asn,
        passive: true,
        maxPrefixes: { limit: 10_000 },
      };
    }),
  );
  const [bound = port] = await world.listen({ addresses: [routerId], port });
  const stop = async (): Promise<void> => {
    speaker.stop({ text: "the route server is closed" });
    await world.close();
  };
  return { port: bound, speaker, stop };
}
