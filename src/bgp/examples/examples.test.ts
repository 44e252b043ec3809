import { afterEach, expect, test } from "vitest";
import { nodeWorld, Speaker } from "../index.ts";
import { sameAddress } from "../net/address.ts";
import { address, peer, prefix } from "../speaker/testing/nodes.ts";
import { announce } from "./announce.ts";
import { routeServer } from "./route-server.ts";
import { watch } from "./watch.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

const LIMIT = { timeout: 15_000 };

test("a route server tells each member what the other announces, until that one is gone", async () => {
  const { port, speaker, stop } = await routeServer("127.0.60.1", 0, [
    { asn: 65001, range: "127.0.60.0/24" },
  ]);
  stops.push(stop);
  const [one, two] = ["127.0.60.2", "127.0.60.3"] as const;
  const takeBack = announce("192.0.2.0/24", "10.0.0.2", one, "127.0.60.1", port);
  stops.push(announce("198.51.100.0/24", "10.0.0.3", two, "127.0.60.1", port));
  const told = (): number[] =>
    [one, two].map(
      (member) => speaker.peers().find((p) => sameAddress(p.address, address(member)))!.prefixes.advertised,
    );
  await expect.poll(() => speaker.peers().length === 2 && told(), LIMIT).toEqual([1, 1]);
  await takeBack();
  await expect.poll(() => speaker.peers().length, LIMIT).toBe(1);
  expect(speaker.peers()[0]!.prefixes).toMatchObject({ received: 1, accepted: 1, advertised: 0 });
});

test("a table is watched: a line when a prefix comes, and one when it goes", async () => {
  const world = nodeWorld();
  const options = {
    asn: 65000,
    routerId: address("127.0.61.1"),
    multipath: 1,
    advertiseInstalledOnly: false,
  };
  const router = new Speaker(options, world);
  const [port] = await world.listen({ addresses: [address("127.0.61.1")], port: 0 });
  router.setPeers([peer("127.0.61.2", 65002, { passive: true, families: [4, 6] })]);
  stops.push(() => world.close());
  router.announce([{ prefix: prefix("192.0.2.0/24"), tag: 0, nextHop: address("10.0.0.1") }]);
  const lines: string[] = [];
  stops.push(watch("127.0.61.2", "127.0.61.1", port!, (line) => lines.push(line)));
  await expect.poll(() => lines, LIMIT).toEqual(["192.0.2.0/24 via 10.0.0.1"]);
  router.withdraw([prefix("192.0.2.0/24")]);
  await expect.poll(() => lines.at(-1), LIMIT).toBe("192.0.2.0/24 is gone");
});
