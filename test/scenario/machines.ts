/** Speakers for the oracle's routers: what is wanted of each outlives its restarts. */

import { formatAddress } from "../../src/bgp/net/text.ts";
import type { Policy } from "../../src/bgp/policy/rules.ts";
import type { LocalRoute, PeerOptions } from "../../src/bgp/speaker/options.ts";
import type { Speaker } from "../../src/bgp/speaker/speaker.ts";
import { address, type Node, node, peer, prefix } from "../../src/bgp/speaker/testing/nodes.ts";
import type { VirtualNetwork } from "../../src/bgp/speaker/testing/virtual-network.ts";
import type { Originated, PlainRule, Router } from "./oracle.ts";

export interface RestartSettings {
  readonly restartSeconds: number;
  readonly notification: boolean;
}

export class Machine {
  readonly router: Router;
  readonly #net: VirtualNetwork;
  readonly #routers: readonly Router[];
  readonly #gracefulRestart: RestartSettings | undefined;
  readonly #note: (line: string) => void;
  #node: Node | undefined;

  constructor(
    router: Router,
    routers: readonly Router[],
    net: VirtualNetwork,
    gracefulRestart: RestartSettings | undefined,
    note: (line: string) => void,
  ) {
    this.router = router;
    this.#routers = routers;
    this.#net = net;
    this.#gracefulRestart = gracefulRestart;
    this.#note = note;
  }

  get isUp(): boolean {
    return this.#node !== undefined;
  }

  get speaker(): Speaker {
    return this.#node!.speaker;
  }

  /** With all that is wanted of it. `restarting` counts where it does graceful restart. */
  boot(restarting: boolean, completeAfterMs: number): void {
    const { name, v6, asn, multipath, originates, nextHops } = this.router;
    const own = this.#gracefulRestart;
    const booted = node(this.#net, asn, `${name} ${v6}`, {
      multipath,
      ...(own === undefined ? {} : { gracefulRestart: { ...own, restarting } }),
    });
    this.#node = booted;
    booted.speaker.onEvent((event) => {
      if ("cache" in event) return;
      const { peer: of, on, ...facts } = event;
      this.#note(`  ${name} of ${formatAddress(of)}: ${on} ${JSON.stringify(facts)}`);
    });
    for (const [of, state] of nextHops) booted.speaker.setNextHops([{ nextHop: address(of), ...state }]);
    this.setPeers();
    booted.speaker.announce([...originates].map(([of, route]) => localRoute(of, route)));
    this.#net.after(completeAfterMs, () => booted.speaker.complete());
  }

  /** Gone, in whatever way the caller made ready. */
  crash(): void {
    this.#node!.crash();
    this.#node = undefined;
  }

  setPeers(): void {
    this.speaker.setPeers(this.#peers());
  }

  announce(of: string): void {
    this.#node?.speaker.announce([localRoute(of, this.router.originates.get(of)!)]);
  }

  withdraw(of: readonly string[]): void {
    this.#node?.speaker.withdraw(of.map(prefix));
  }

  #peers(): PeerOptions[] {
    return [...this.router.neighbours].map(([name, { nextHopSelf, addPath, importRules, exportRules }]) =>
      peer(name, this.#routers.find((other) => other.name === name)!.asn, {
        families: [4, 6],
        nextHopSelf,
        addPath,
        importPolicy: policyOf(importRules),
        exportPolicy: policyOf(exportRules),
      }),
    );
  }
}

const ORIGINS = ["igp", "egp", "incomplete"] as const;

const localRoute = (of: string, { origin, med, communities }: Originated): LocalRoute => ({
  prefix: prefix(of),
  tag: 0,
  origin: ORIGINS[origin],
  communities,
  ...(med === undefined ? {} : { med }),
});

function policyOf(rules: readonly PlainRule[]): Policy {
  return {
    otherwise: "accept",
    rules: rules.map(({ prefixes, reject, localPref, med, community }, i) => ({
      name: `rule[${i}]`,
      match: {
        prefixes: prefixes.map((text) => {
          const one = prefix(text);
          return { prefix: one, minLength: one.length, maxLength: one.length };
        }),
      },
      then: reject ? "reject" : "accept",
      set: {
        ...(localPref === undefined ? {} : { localPref }),
        ...(med === undefined ? {} : { med }),
        ...(community === undefined ? {} : { addCommunities: [community] }),
      },
    })),
  };
}
