/** Roles, other AS numbers and a route server between us and BIRD or FRR. */

import { execFileSync } from "node:child_process";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bird } from "./daemons/bird.ts";
import type { Daemon, DaemonKind, DaemonSettings } from "./daemons/daemon.ts";
import { frr } from "./daemons/frr.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, type OurRoute, OurSpeaker } from "./our-speaker.ts";

/** Another speaker of ours, in our namespace too. */
const OTHER = "10.77.0.4";
const ASN = 65_000;
const THEIRS = 65_101;
/** Needs four octets: the OPEN says AS_TRANS. */
const LOCAL = 4_200_000_001;
/** What they announce. */
const ROUTE = "198.51.100.0/24";
const MED = 7;

const lacking = missing([...bird.programs, ...frr.programs]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const peerOf = (remote: string, remoteAsn: number, more: object = {}): object => ({
  remote,
  remoteAsn,
  port: 179,
  passive: false,
  holdSeconds: 9,
  families: [4],
  importPolicy: "accept",
  exportPolicy: "accept",
  nextHopSelf: false,
  reflectorClient: false,
  ...more,
});

/** FRR: its announcements get our AS number behind its own. */
const WITH_OUR_AS = {
  name: "with-our-as",
  text: `route-map with-our-as permit 10
 set as-path prepend ${ASN}
 set metric ${MED}
 set ip next-hop ${THEM.v4}
exit`,
};

/** How each says its role, and what it says of a path. */
const DAEMONS = [
  [
    "FRR",
    frr,
    (role: string) => [`local-role ${role}`],
    (path: string, nextHop: string, otc: number) =>
      new RegExp(`\\n  ${path}\\n[\\s\\S]*${nextHop}[\\s\\S]*otc ${otc}\\b`),
  ],
  [
    "BIRD",
    bird,
    (role: string) => [`local role ${role.replace("-", "_")}`],
    (path: string, nextHop: string, otc: number) =>
      new RegExp(`as_path: ${path}\\n[\\s\\S]*next_hop: ${nextHop}\\n[\\s\\S]*otc: ${otc}\\n`),
  ],
] as const;

type Says = (typeof DAEMONS)[number][3];

/** What one test starts, in two namespaces that all of them share. */
class Lab {
  theirs: Daemon | undefined;
  readonly #pair: Pair;
  readonly #library: string;
  readonly #running: OurSpeaker[] = [];

  constructor(pair: Pair, library: string) {
    this.#pair = pair;
    this.#library = library;
  }

  async ours(at: string, asn: number, routes: readonly string[]): Promise<OurSpeaker> {
    const options = { asn, routerId: at, multipath: 1, advertiseInstalledOnly: false };
    const namespace = this.#pair.us;
    const speaker = await OurSpeaker.start({ namespace, library: this.#library, listen: [at], options });
    this.#running.push(speaker);
    const own = routes.map((prefix) => ({ prefix, med: MED }));
    await speaker.ask("announce", own);
    return speaker;
  }

  async start(kind: DaemonKind, more: Partial<DaemonSettings>): Promise<Daemon> {
    this.theirs = await kind.start({
      namespace: this.#pair.them,
      asn: THEIRS,
      ourAsn: ASN,
      transport: "v4",
      passive: false,
      routes: [ROUTE],
      gracefulRestart: false,
      ...more,
    });
    return this.theirs;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((speaker) => speaker.kill()));
    await this.theirs?.stop();
  }
}

const received = async (speaker: OurSpeaker, from: string, prefix: string): Promise<OurRoute | undefined> =>
  (await speaker.received(from)).find((route) => route.prefix === prefix);

/** The other speaker of ours has their route, and they have its. */
const passedOn = (theirs: Daemon, other: OurSpeaker): Promise<boolean> =>
  holdsWithin(
    20_000,
    async () => (await theirs.count()) === 1 && (await received(other, US.v4, ROUTE)) !== undefined,
  );

async function servesRoutes(lab: Lab, theirs: Daemon, shown: Says): Promise<void> {
  const server = await lab.ours(US.v4, ASN, []);
  const member = await lab.ours(OTHER, 65_102, ["192.0.2.1/32"]);
  const own = { localAddress: OTHER, role: "rs-client", strictRole: true };
  await member.ask("setPeers", [peerOf(US.v4, ASN, own)]);
  const client = {
    localAddress: US.v4,
    role: "rs",
    strictRole: true,
    routeServerClient: true,
    allowOwnAs: 1,
  };
  await server.ask("setPeers", [peerOf(THEM.v4, THEIRS, client), peerOf(OTHER, 65_102, client)]);
  expect(await passedOn(theirs, member)).toBe(true);
  expect(await theirs.details("192.0.2.1/32")).toMatch(shown("65102", OTHER, ASN));
  const path = await received(member, US.v4, ROUTE);
  expect(path).toMatchObject({ nextHop: THEM.v4, after: { med: MED, onlyToCustomer: ASN } });
  expect(path?.after?.asPath).toMatch(/^65101\b/);
}

async function isAnother(lab: Lab, theirs: Daemon, shown: Says): Promise<void> {
  const us = await lab.ours(US.v4, ASN, []);
  const other = await lab.ours(OTHER, 64_601, ["192.0.2.1/32"]);
  await other.ask("setPeers", [peerOf(US.v4, ASN, { localAddress: OTHER })]);
  const peers = (role: string): object[] => [
    peerOf(THEM.v4, THEIRS, {
      localAddress: US.v4,
      localAs: { asn: LOCAL, replaceAs: true },
      role,
      strictRole: true,
      removePrivateAs: "all",
      allowOwnAs: 1,
    }),
    peerOf(OTHER, 64_601, { localAddress: US.v4 }),
  ];
  await us.ask("setPeers", peers("provider"));
  expect(await passedOn(theirs, other)).toBe(true);
  expect(await theirs.details("192.0.2.1/32")).toMatch(shown(`${LOCAL}`, US.v4, LOCAL));
  const back = `${LOCAL} ${THEIRS} ${ASN}`;
  expect((await received(us, THEM.v4, ROUTE))?.after?.asPath).toBe(back);
  expect((await received(other, US.v4, ROUTE))?.after?.asPath).toBe(`${ASN} ${back}`);

  await us.ask("setPeers", peers("peer"));
  const refused = (): boolean =>
    us.events.some(({ on, code, subcode }) => on.startsWith("notification-") && code === 2 && subcode === 11);
  expect(await holdsWithin(20_000, refused), "Role Mismatch").toBe(true);
}

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "roles and AS numbers" : `roles and AS numbers (skipped: needs ${lacking})`,
  () => {
    let pair: Pair;
    let library = "";
    let lab: Lab;

    beforeAll(() => {
      library = buildLibrary();
      pair = namespacePair();
      execFileSync("ip", ["-n", pair.us, "addr", "add", `${OTHER}/24`, "dev", "veth0"]);
      return () => pair.remove();
    });
    beforeEach(() => {
      lab = new Lab(pair, library);
    });
    afterEach(() => lab.stop());

    test.each(DAEMONS)(
      "%s is a client of our route server: paths as they came, and marked",
      async (...row) => {
        const [, daemon, role, shown] = row;
        const filter = `bgp_med = ${MED};`;
        const theirs = await lab.start(daemon, {
          neighbour: role("rs-client"),
          routeMap: WITH_OUR_AS,
          filter,
        });
        await servesRoutes(lab, theirs, shown);
      },
    );

    test.each(DAEMONS)(
      "%s knows us by another AS number, is our customer, and sends our own AS number back",
      async (_, daemon, role, shown) => {
        const filter = `bgp_path.prepend(${ASN});`;
        const neighbour = role("customer");
        const theirs = await lab.start(daemon, { ourAsn: LOCAL, neighbour, routeMap: WITH_OUR_AS, filter });
        await isAnother(lab, theirs, shown);
      },
    );

    test("BIRD leaks: what it marks is refused with the reason, what it does not mark is believed", async () => {
      const leaked = "203.0.113.0/24";
      await lab.start(bird, {
        routes: [ROUTE, leaked],
        filter: `if net = ${leaked} then bgp_otc = 64999;`,
      });
      const us = await lab.ours(US.v4, ASN, []);
      await us.ask("setPeers", [peerOf(THEM.v4, THEIRS, { localAddress: US.v4, role: "provider" })]);
      expect(await holdsWithin(20_000, async () => (await us.received(THEM.v4)).length === 2)).toBe(true);
      expect(await received(us, THEM.v4, ROUTE)).toMatchObject({ accepted: true });
      expect(await received(us, THEM.v4, leaked)).toMatchObject({ accepted: false, rule: "leak (RFC 9234)" });
    });
  },
);
