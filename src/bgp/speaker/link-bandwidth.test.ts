import { expect, test } from "vitest";
import type { ExtendedCommunity } from "../net/communities.ts";
import { formatAddress } from "../net/text.ts";
import type { PeerOptions } from "./options.ts";
import { isUp, local, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const ONE_OCTET: ExtendedCommunity = [0x4004_fde8, 0x3f80_0000];
const TWO_OCTETS: ExtendedCommunity = [0x0004_fde8, 0x4000_0000];

const setting = (community: ExtendedCommunity): Partial<PeerOptions> => ({
  importPolicy: {
    rules: [{ name: "link", match: {}, then: "accept", set: { addExtendedCommunities: [community] } }],
    otherwise: "reject",
  },
});

test("the forwarding plane is told the bandwidth behind each path, and of another one when policy says so", () => {
  const net = new VirtualNetwork({ seed: 7 });
  const gateway = node(net, 65000, "10.0.0.1");
  const routers = [2, 3].map((n) => {
    const router = node(net, 65000 + n, `10.0.0.${n}`);
    router.speaker.setPeers([peer("10.0.0.1", 65000)]);
    router.speaker.announce([local("192.0.2.1/32")]);
    return router;
  });
  let told = "";
  gateway.speaker.onRoutes((changes) => {
    for (const { paths } of changes) {
      told = paths.map(({ nextHop, bandwidth }) => `${formatAddress(nextHop)} ${bandwidth}`).join(", ");
    }
  });
  const peersWith = (second: Partial<PeerOptions>): PeerOptions[] => [
    peer("10.0.0.2", 65002, setting(ONE_OCTET)),
    peer("10.0.0.3", 65003, second),
  ];
  gateway.speaker.setPeers(peersWith(setting(TWO_OCTETS)));
  net.until(() => isUp(gateway, ...routers), 30_000);
  net.run(5000);
  expect(told).toBe("10.0.0.2 1, 10.0.0.3 2");
  gateway.speaker.setPeers(peersWith({}));
  net.run(1000);
  expect(told).toBe("10.0.0.2 1, 10.0.0.3 undefined");
});
