/**
 * The ways in which gatewayd ends, as a real BIRD and a real FRR see them (docs/CLI.md, "gatewayd stop"): what they keep,
 * for how long, what they are told, and that nothing was lost when the gateway is back. All of one peer's rows share it;
 * the two peers wait side by side.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accept } from "../daemon/gateway-file.ts";
import { eventually, type Daemon as Gateway, gatewayd, Lab } from "../daemon/lab.ts";
import { bird } from "./daemons/bird.ts";
import type { Daemon, DaemonKind } from "./daemons/daemon.ts";
import { frr } from "./daemons/frr.ts";
import { missing, namespacePair, type Pair, THEM } from "./namespaces.ts";

const lacking = missing([...bird.programs, ...frr.programs]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const OURS = 65_000;
const THEIRS = 65_001;
const ROUTE = "203.0.113.7/32";
const THEIR_ROUTE = "198.51.100.0/24";
/** A condition of a busy machine. */
const LIMIT_MS = 60_000;

const soon = (what: string, look: () => Promise<boolean>): Promise<true> => eventually(what, look, LIMIT_MS);

/** Of BIRD or FRR. */
type Peer = Daemon & { session(): Promise<string> };

/** How to ask each of them; in its own words. */
interface Witness {
  readonly kind: DaemonKind<Peer>;
  /** It has noticed that we are gone, and keeps our route till we are back. */
  isKeeping(them: Peer): Promise<boolean>;
  /** Another value than before: it has lost our route, if for a moment. */
  history(them: Peer): Promise<unknown>;
  /** What it says of our last words: of an end for good, and of one before a restart. */
  readonly told: { readonly forGood: RegExp; readonly forRestart: RegExp };
}

const WITNESSES: readonly Witness[] = [
  {
    kind: bird,
    isKeeping: async (them) => (await them.session()).includes("Neighbor graceful restart active"),
    history: async (them) => them.removals(),
    // It does not know RFC 8538: an end that is to keep routes has no words for it.
    told: {
      forGood: /Last error: +Received: Administrative shutdown/,
      forRestart: /Last error: +Socket: Connection closed/,
    },
  },
  {
    kind: frr,
    isKeeping: async (them) => /"stale": *true/.test(await them.details(ROUTE)),
    history: async (them) => /"version": *(\d+)/.exec(await them.details(ROUTE))?.[1],
    told: {
      forGood:
        /"Cease\\\/Administrative Shutdown"[^}]*"lastNotificationHardReset": *true[^}]*"gatewayd was stopped"/,
      forRestart:
        /"Cease\\\/Administrative Reset"[^}]*"lastNotificationHardReset": *false[^}]*"gatewayd restarts"/,
    },
  },
];

interface End {
  readonly how: string;
  readonly keeps: boolean;
  readonly words: keyof Witness["told"] | undefined;
  end(gateway: Gateway): void | Promise<void>;
}

const stopped =
  (...flags: readonly string[]) =>
  async (gateway: Gateway): Promise<void> => {
    const stop = await gatewayd("stop", "--socket", gateway.socket, ...flags);
    expect(stop).toMatchObject({ status: 0, stderr: "" });
  };

const ENDS: readonly End[] = [
  { how: "kill -9", keeps: true, words: undefined, end: (gateway) => gateway.signal("SIGKILL") },
  { how: "SIGTERM", keeps: false, words: "forGood", end: (gateway) => gateway.signal("SIGTERM") },
  { how: "gatewayd stop", keeps: false, words: "forGood", end: stopped() },
  { how: "gatewayd stop --graceful", keeps: true, words: "forRestart", end: stopped("--graceful") },
];

/** One of them, in namespaces of its own, and the gateway beside it, which comes and goes. */
class Meeting {
  readonly #witness: Witness;
  readonly #lab: Lab = new Lab();
  readonly #pair: Pair = namespacePair();
  #them: Peer | undefined;
  #gateway: Gateway | undefined;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  async begin(): Promise<void> {
    this.#them = await this.#witness.kind.start({
      namespace: this.#pair.them,
      asn: THEIRS,
      ourAsn: OURS,
      transport: "v4",
      passive: true,
      routes: [THEIR_ROUTE],
      gracefulRestart: true,
    });
  }

  async remove(): Promise<void> {
    await this.#lab.remove();
    await this.#them?.stop();
    this.#pair.remove();
  }

  get them(): Peer {
    return this.#them!;
  }

  /** A gateway that has told and learned everything. */
  async up(restartTime = "60s"): Promise<Gateway> {
    if (this.#gateway?.ended === undefined && this.#gateway !== undefined) return this.#gateway;
    const file = this.#lab.write("gw.yaml", this.#configuration(restartTime));
    const wrapper = ["ip", "netns", "exec", this.#pair.us];
    const gateway = await this.#lab.start(file, this.#lab.path("gw.sock"), wrapper);
    this.#gateway = gateway;
    await soon("their route here", async () => (await gateway.route(THEIR_ROUTE)) !== undefined);
    await soon("our route there, as a fresh one", async () => {
      const has = (await this.them.prefixes()).includes(ROUTE);
      return has && !(await this.#witness.isKeeping(this.them));
    });
    return gateway;
  }

  #configuration(restartTime: string): object {
    const peer = { address: THEM.v4, asn: THEIRS, import: [accept()], export: [accept()] };
    return {
      bgp: { asn: OURS, routerId: "192.0.2.1", gracefulRestart: { restartTime }, peers: [peer] },
      nat: { private: ["10.65.0.0/16"], pools: [{ name: "a", addresses: [ROUTE.split("/")[0]] }] },
      api: { socket: this.#lab.path("gw.sock") },
      kernel: { type: "none" },
    };
  }
}

describe.skipIf(lacking !== undefined).each(WITNESSES)(
  `an end of gatewayd${lacking === undefined ? "" : ` (skipped: needs ${lacking})`}, as $kind.name sees it`,
  { concurrent: true },
  (witness) => {
    const { isKeeping, history, told } = witness;
    let meeting: Meeting | undefined;
    const forgotten = (them: Peer) => async (): Promise<boolean> =>
      !(await them.prefixes()).includes(ROUTE) && !(await isKeeping(them));

    beforeAll(async () => {
      meeting = new Meeting(witness);
      await meeting.begin();
    });
    afterAll(() => meeting?.remove());

    test.sequential.each(ENDS)(
      "$how: keeps our route $keeps",
      async ({ keeps, words, end }) => {
        const { them } = meeting!;
        const gateway = await meeting!.up();
        const before = await history(them);
        await end(gateway);
        await gateway.end(LIMIT_MS);
        await soon(keeps ? "kept" : "forgotten", keeps ? () => isKeeping(them) : forgotten(them));
        if (words !== undefined) {
          await soon("our last words", async () => told[words].test(await them.session()));
        }
        expect((await them.prefixes()).includes(ROUTE)).toBe(keeps);
        await meeting!.up();
        if (keeps) expect(await history(them)).toEqual(before);
      },
      3 * LIMIT_MS,
    );

    test.sequential(
      "kill -9, and nobody comes back: forgotten when the restart time that we said is over",
      async () => {
        const { them } = meeting!;
        const gateway = await meeting!.up();
        gateway.signal("SIGTERM");
        await gateway.end(LIMIT_MS);
        const brief = await meeting!.up("5s");
        brief.signal("SIGKILL");
        await brief.end(LIMIT_MS);
        await soon("forgotten", forgotten(them));
      },
      3 * LIMIT_MS,
    );
  },
);
