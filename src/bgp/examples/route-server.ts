/**
 * A route server (RFC 7947): tells every member what the others told, as it came, so that they need one session each
 * instead of one with every other. A route with the large community 65000:0:ASN is not told to the member of that AS.
 * The best path is chosen once for all, so that it may hide another that a member could be told (RFC 7947 §2.3).
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
  const client = {
    ...PEER_DEFAULTS,
    passive: true,
    maxPrefixes: { limit: 10_000 },
    role: "rs",
    routeServerClient: true,
  } as const;
  speaker.setPeers(
    members.map(({ asn, range }) => {
      const remote = { range: parsePrefix(range)!, limit: 100 };
      const match = { largeCommunities: [[65000, 0, asn]] } as const;
      const exportPolicy = {
        rules: [{ name: "refused", match, then: "reject" }],
        otherwise: "accept",
      } as const;
      return { ...client, remote, remoteAsn: asn, importPolicy: ACCEPT_ALL, exportPolicy };
    }),
  );
  const [bound = port] = await world.listen({ addresses: [routerId], port });
  const stop = async (): Promise<void> => {
    speaker.stop({ text: "the route server is closed" });
    await world.close();
  };
  return { port: bound, speaker, stop };
}
