import { describe, expect, test } from "vitest";
import { ipv4, type Prefix } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { PeerId } from "./peer-table.ts";
import { attributesWith, host, Lab, OUR_ASN } from "./testing/lab.ts";

const held = (lab: Lab, peer: PeerId): string[] => [...lab.held.get(peer)!.keys()].sort();
const heldOf = (lab: Lab, peer: PeerId, prefix: Prefix): PathAttributes =>
  lab.rib.pool.attributes(lab.held.get(peer)!.get(formatPrefix(prefix))!);

describe("what a reflected path says of its origin (RFC 4456 §8)", () => {
  test("two clients with equal attributes: each path names its own originator", () => {
    const lab = new Lab();
    const [one, two] = [7, 8].map((routerId) =>
      lab.addPeer({ address: ipv4(routerId), routerId, external: false, reflectorClient: true }),
    );
    const target = lab.addPeer({ address: ipv4(9), routerId: 9, external: false });
    lab.join(target);
    lab.announce(one!, [host(1)], attributesWith({}));
    lab.announce(two!, [host(2)], attributesWith({}));
    lab.decide();
    lab.send();
    expect([1, 2].map((n) => heldOf(lab, target, host(n)).originatorId)).toEqual([7, 8]);
  });

  test("another router id of the same peer is told again", () => {
    const lab = new Lab();
    const client = { address: ipv4(7), asn: OUR_ASN, external: false, reflectorClient: true };
    const source = lab.addPeer({ ...client, routerId: 7 });
    const target = lab.addPeer({ address: ipv4(9), routerId: 9, external: false });
    lab.join(target);
    lab.announce(source, [host(1)], attributesWith({}));
    lab.decide();
    lab.send();
    lab.rib.setPeer(source, { ...client, routerId: 70 });
    lab.decide();
    lab.send();
    expect(heldOf(lab, target, host(1)).originatorId).toBe(70);
    lab.rib.setPeer(source, { ...client, reflectorClient: false, routerId: 70 });
    lab.decide();
    lab.send();
    expect(held(lab, target)).toEqual([]);
  });
});
