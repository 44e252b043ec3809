/**
 * The library alone, as a program of a few lines: `node library.js '{…}'` passes on what its peers tell, with a policy
 * both ways. On SIGTERM it writes one line of JSON that says for how long its event loop was blocked at most.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  nodeWorld,
  PEER_DEFAULTS,
  type Policy,
  parseAddress,
  parsePrefix,
  rehearse,
  Speaker,
} from "../src/bgp/index.ts";

export interface LibrarySettings {
  readonly asn: number;
  /** Listens there, port 179. */
  readonly address: string;
  readonly holdSeconds: number;
  readonly peers: readonly { readonly address: string; readonly asn: number }[];
}

/** What the library says of itself at the end. */
export interface LibraryFigures {
  readonly blockedMs: number;
}

/** The histogram counts the time from one look to the next. */
const LOOK_MS = 5;

async function serve({ asn, address, holdSeconds, peers }: LibrarySettings): Promise<void> {
  const own = parsePrefix("10.9.0.0/24")!;
  const policy = (name: string, value: number): Policy => ({
    rules: [
      {
        name: `${name}[0]`,
        match: { prefixes: [{ prefix: own, minLength: 24, maxLength: 32 }] },
        then: "reject",
      },
      {
        name: `${name}[1]`,
        match: {},
        then: "accept",
        set: { addCommunities: [asn * 0x1_0000 + value] },
      },
    ],
    otherwise: "reject",
  });
  const routerId = parseAddress(address)!;
  const world = nodeWorld();
  const speaker = new Speaker({ asn, routerId, multipath: 1, advertiseInstalledOnly: false }, world);
  const both = { importPolicy: policy("in", 1), exportPolicy: policy("out", 2) };
  speaker.setPeers(
    peers.map((peer) => ({
      ...PEER_DEFAULTS,
      ...both,
      passive: true,
      holdSeconds,
      remote: { address: parseAddress(peer.address)! },
      remoteAsn: peer.asn,
    })),
  );
  await world.listen({ addresses: [routerId], port: 179 });
}

await serve(JSON.parse(process.argv[2] ?? "") as LibrarySettings);
await rehearse();
const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
delay.enable();
process.on("SIGTERM", () => {
  const figures: LibraryFigures = { blockedMs: Math.max(0, delay.max / 1e6 - LOOK_MS) };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exit(0);
});
