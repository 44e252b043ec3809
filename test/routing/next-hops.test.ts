/** The kernel's routes decide which paths are used, how their packets leave, and what others are told. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { Gateway } from "./gateway.ts";
import { missing } from "./place.ts";

const reason = missing();
if (reason !== undefined && process.env["CI"] === "true") throw new Error(`these tests need ${reason}`);
if (reason !== undefined) test.skip(`needs ${reason}`);

/** In order: each begins where the one before ended. */
const step = test.skipIf(reason !== undefined);

const TOLD = "198.51.100.0/24";
const INSIDE = "198.51.100.1";
const TOLD6 = "2001:db8:100::/48";

let made: Gateway | undefined;
const gateway = (): Gateway => {
  if (made === undefined) throw new Error("the gateway is not there");
  return made;
};

beforeAll(async () => {
  if (reason === undefined) made = await Gateway.start();
});
afterAll(() => made?.remove());

step("without a way there, paths are not used, and it is said why", async () => {
  const { daemon, place } = gateway();
  for (const hop of ["192.0.2.1", "192.0.2.2", "2001:db8:ff::1"])
    await gateway().isKnown(hop, `next hop ${hop} has no route`);
  const told = await daemon.route(TOLD);
  expect(told?.paths.map(({ status, reason: why }) => `${status}: ${why}`).sort()).toEqual([
    "nextHopUnreachable: next hop 192.0.2.1 has no route",
    "nextHopUnreachable: next hop 192.0.2.2 has no route",
  ]);
  expect([gateway().route(TOLD), place.hears(TOLD)]).toEqual(["", false]);
  expect(await daemon.metric('gatewayd_bgp_next_hops{reachable="false"}')).toBe(3);
  expect((await daemon.status()).problems.map(({ subject }) => subject)).toContain("192.0.2.1");
});

step("a static route makes them usable, and its end unusable", async () => {
  const { place } = gateway();
  place.ip("route", "add", "192.0.2.1", "via", "10.90.1.2");
  await gateway().forwards(TOLD, "via 10.90.1.2 dev east", INSIDE);
  await gateway().tells(TOLD, true);
  expect(await gateway().nextHop("192.0.2.1")).toEqual({
    nextHop: "192.0.2.1",
    reachable: true,
    metric: 0,
    route: "192.0.2.1/32",
    via: [{ gateway: "10.90.1.2", interface: "east" }],
  });
  place.ip("route", "del", "192.0.2.1");
  await gateway().isGone(TOLD);
  place.ip("route", "add", "192.0.2.0/25", "via", "10.90.1.2", "metric", "20");
  await gateway().forwards(TOLD, "via 10.90.1.2 dev east", INSIDE);
  await gateway().tells(TOLD, true);
});

step("the nearer of two next hops wins, and when that changes, the other", async () => {
  const { daemon, place } = gateway();
  place.ip("route", "add", "192.0.2.2", "via", "10.90.2.2", "metric", "10");
  await gateway().forwards(TOLD, "via 10.90.2.2 dev west", INSIDE);
  const lost = (await daemon.route(TOLD))?.paths.find(({ nextHop }) => nextHop === "192.0.2.1");
  expect([lost?.status, lost?.igpMetric]).toEqual(["igpMetric", 20]);
  place.ip("route", "add", "192.0.2.2", "via", "10.90.2.2", "metric", "30");
  place.ip("route", "del", "192.0.2.2", "via", "10.90.2.2", "metric", "10");
  await gateway().forwards(TOLD, "via 10.90.1.2 dev east", INSIDE);
});

step(
  "a next hop that is lost: the group that its routes point at leads the other way, and packets go it",
  async () => {
    const { place } = gateway();
    const group = gateway().groupOf(TOLD);
    const way = ["192.0.2.0/25", "via", "10.90.1.2", "metric", "20"];
    place.ip("route", "del", ...way);
    await gateway().forwards(TOLD, "via 10.90.2.2 dev west", INSIDE);
    expect(gateway().groupOf(TOLD)).toBe(group);
    place.ip("route", "add", ...way);
    await gateway().forwards(TOLD, "via 10.90.1.2 dev east", INSIDE);
  },
);

step("IPv6 alike", async () => {
  const { place } = gateway();
  place.ip("route", "add", "2001:db8:ff::1", "via", "2001:db8:1::2");
  await gateway().forwards(TOLD6, "via 2001:db8:1::2 dev east", "2001:db8:100::1");
  await gateway().tells(TOLD6, true);
  place.ip("route", "del", "2001:db8:ff::1");
  await gateway().isGone(TOLD6);
});

step("who may ask for a blackhole gets one, as long as he asks (RFC 7999)", async () => {
  const { daemon, place } = gateway();
  place.ip("route", "add", "203.0.113.0/24", "via", "10.90.2.2");
  expect(place.reaches("203.0.113.7")).toBe(true);
  place.asksForHole(true);
  await gateway().has("blackhole 203.0.113.7");
  expect(place.reaches("203.0.113.7")).toBe(false);
  expect(await daemon.route("203.0.113.7/32")).toMatchObject({
    kind: "blackhole",
    installed: true,
    paths: [{ communities: ["blackhole", "no-export"] }],
  });
  place.asksForHole(false);
  await gateway().isGone("203.0.113.7/32");
  expect(place.reaches("203.0.113.7")).toBe(true);
});

step(
  "a link that goes takes the ways over it along, and not the group that its routes point at",
  async () => {
    const { place } = gateway();
    await gateway().forwards(TOLD, "via 10.90.1.2 dev east", INSIDE);
    const group = gateway().groupOf(TOLD);
    place.ip("link", "set", "east", "down");
    await gateway().forwards(TOLD, "via 10.90.2.2 dev west", INSIDE);
    expect(gateway().groupOf(TOLD)).toBe(group);
    expect((await gateway().nextHop("192.0.2.1"))?.reachable).not.toBe(true);
    place.ip("link", "set", "east", "up");
  },
);

step("a default route is a way only where that is wanted", async () => {
  const { place } = gateway();
  place.ip("route", "del", "192.0.2.2");
  await gateway().isKnown("192.0.2.2", "next hop 192.0.2.2 has no route");
  place.ip("route", "add", "default", "via", "10.90.2.2");
  const why = "only a default route leads to 192.0.2.2, and bgp.nextHopTracking.viaDefault is false";
  await gateway().isKnown("192.0.2.2", why);
  expect(await gateway().reload({ nextHopTracking: { viaDefault: true } })).toBe("config.loaded");
  await gateway().forwards(TOLD, "via 10.90.2.2 dev west", INSIDE);
});
