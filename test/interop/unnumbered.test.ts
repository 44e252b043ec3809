/** gatewayd between FRR ("BGP unnumbered") and BIRD (link-local), and packets through it. IPv4, without an IPv4 address. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import { BIRD, BIRDC } from "./daemons/bird.ts";
import { BGPD, VTYSH } from "./daemons/frr.ts";
import { BIRDS, Fabric, FRR, VM, ZEBRA } from "./fabric.ts";
import { missing } from "./namespaces.ts";

const lacking = missing([BIRD, BIRDC, BGPD, ZEBRA, VTYSH, "/usr/bin/ping"]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const ALL = [{ then: "accept" }];

let fabric: Fabric;
let lab: Lab;
let ours: Daemon;
const fabricTest = test.skipIf(lacking !== undefined);

const configured = (bird: object): object => ({
  role: "compute",
  bgp: {
    asn: 65000,
    routerId: "10.255.0.1",
    groups: { fabric: { asn: "external", import: ALL, export: ALL } },
    peers: [
      { interface: "eth0", group: "fabric" },
      { ...bird, group: "fabric" },
    ],
  },
  ports: [{ interface: "tap0", addresses: [VM] }],
  api: { socket: lab.path("api.sock") },
});
const stateOf = async (name: string): Promise<string | undefined> =>
  (await ours.peers()).find((peer) => peer.interface === name)?.state;
const isUp = (name: string): Promise<true> =>
  eventually(`a session over ${name}`, async () => (await stateOf(name)) === "established");
const nextHop = async (prefix: string): Promise<string | undefined> =>
  (await ours.route(prefix))?.paths.find(({ status }) => status === "best")?.nextHop;
const pings = (to: string): Promise<true> =>
  eventually(`a packet to ${to} and back`, () => fabric.pings("vm", to));

beforeAll(async () => {
  if (lacking !== undefined) return;
  fabric = new Fabric();
  lab = new Lab();
  await fabric.startFrr();
  // Nobody tells BIRD of routers: it is told of us, and we learn of it by its connection.
  await fabric.startBird(`neighbor ${fabric.linkLocal("us", "eth1")}%eth0 as 65000`);
  const file = lab.write("gateway.yaml", configured({ interface: "eth1" }));
  ours = await lab.start(file, lab.path("api.sock"), ["ip", "netns", "exec", fabric.of("us")]);
});
afterAll(async () => {
  await lab?.remove();
  await fabric?.remove();
});

fabricTest(
  "FRR is found by router advertisements and BIRD by its connection; each is told of the other",
  async () => {
    await Promise.all([isUp("eth0"), isUp("eth1")]);
    const [frr, bird] = [fabric.linkLocal("frr", "eth0"), fabric.linkLocal("bird", "eth0")];
    await eventually("both routes", async () => {
      const hops = [await nextHop(`${FRR.address}/32`), await nextHop(`${BIRDS.address}/32`)];
      return hops[0] === `${frr}%eth0` && hops[1] === `${bird}%eth1`;
    });
    await eventually("FRR and BIRD to hold all three", () => {
      const [there, here] = [fabric.frr("show bgp ipv4 unicast"), fabric.birdRoutes()];
      const all = [VM, FRR.address, BIRDS.address];
      return all.every((each) => there.includes(`${each}/32`) && here.includes(`${each}/32`));
    });
  },
);

fabricTest("the kernel has IPv4 routes by way of IPv6, and packets go through", async () => {
  await eventually("the route", () =>
    fabric.ip("us", "route").includes(`${FRR.address} nhid`) ? true : undefined,
  );
  expect(fabric.ip("us", "route")).toContain(`via inet6 ${fabric.linkLocal("frr", "eth0")} dev eth0`);
  expect(fabric.ip("us", "-4", "addr", "show", "scope", "global")).toBe("");
  await Promise.all([pings(FRR.address), pings(BIRDS.address)]);
});

fabricTest("the peer is shown, and asked for, by its interface", async () => {
  const { stdout } = await ours.gwctl("show", "peers");
  expect(stdout).toContain(`eth0 (${fabric.linkLocal("frr", "eth0")})`);
  const one = await ours.gwctl("show", "received", "eth0");
  expect(one.stdout).toContain(`${FRR.address}/32`);
  expect(await ours.metric(`gatewayd_bgp_peer_state{peer="eth0",peer_as="external"}`)).toBe(1);
});

fabricTest(
  "a link that goes down ends its session, not the hold time does; and it is back when the link is",
  async () => {
    fabric.ip("frr", "link", "set", "eth0", "down");
    await eventually("the end of the session and its route", async () => {
      const gone = (await ours.route(`${FRR.address}/32`)) === undefined;
      return gone && (await stateOf("eth0")) !== "established";
    });
    expect(ours.events("bgp.session.down")[0]).toMatchObject({ reason: "link down" });
    expect(await stateOf("eth1")).toBe("established");
    fabric.ip("frr", "link", "set", "eth0", "up");
    await isUp("eth0");
    await pings(FRR.address);
  },
);

fabricTest("a neighbour that only listens, by its address", async () => {
  const address = `${fabric.linkLocal("bird", "eth0")}%eth1`;
  await fabric.startBird('neighbor range fe80::/10 as 65000; interface "eth0"; strict bind off');
  lab.write("gateway.yaml", configured({ address }));
  await ours.reload();
  await ours.established(address);
  await pings(BIRDS.address);
});
