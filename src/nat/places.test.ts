import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4, prefixOf } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { blocksHeldBy } from "./blocks.ts";
import { type Grant, grantText, parseGranted, releaseText } from "./granted.ts";
import { portText } from "./members.ts";
import { placesOf, stands } from "./places.ts";
import { natTables } from "./testing/tables.ts";
import { tracePacket } from "./trace.ts";

/** Outside of all that tables by chance are made of. */
const OUTSIDE = ipv4(0xc0000250);

test("a place is where the rules would have a packet leave by", () => {
  const source = fc.constantFrom(0x0a410000, 0x0a410001, 0x0a410007, 0x0a410041).map(ipv4);
  fc.assert(
    fc.property(natTables, source, (any, address) => {
      fc.pre(any.pools.length > 0);
      const table = { ...any, exempt: [], untracked: [], forwards: [], grants: false };
      const place = placesOf(table)(address);
      if (place === undefined) return;
      const trace = tracePacket(table, {
        ...{ source: address, destination: OUTSIDE, protocol: "udp" },
        ...{ sourcePort: 80, destinationPort: 53 },
      });
      // Not one of a pool's sources: nothing of its would be let out.
      if (
        !table.private.some((range) => range.family === 4 && prefixOf(address, range.length).w0 === range.w0)
      )
        return;
      const ports = trace.source?.ports?.replace(/^(\d+)-\1$/, "$1");
      expect({ ...trace.source, ports }).toEqual({
        ...{ address: formatAddress(place.address), ports: portText(place.ports) },
      });
    }),
  );
});

test("what is given at a place stands there", () => {
  fc.assert(
    fc.property(natTables, fc.nat(70), fc.nat(65_535), (table, host, port) => {
      const address = ipv4(0x0a410000 + host);
      const place = placesOf(table)(address);
      if (place === undefined || !table.private.some(({ length, w0 }) => prefixOf(address, length).w0 === w0))
        return;
      // Of tables by chance another pool may have that address, with other ports.
      const holders = table.pools.filter((pool) => pool.addresses.some(({ w0 }) => w0 === place.address.w0));
      if (holders.length > 1) return;
      const { first, last } = place.ports;
      const outer = { address: place.address, port: first + (port % (last - first + 1)) };
      expect(stands(table, { ...GRANT, private: { address, port }, public: outer })).toBe(true);
      const beyond = Math.max(last, ...blocksHeldBy(table, address).map(({ ports }) => ports.last)) + 1;
      expect(
        stands(table, { ...GRANT, private: { address, port }, public: { ...outer, port: beyond } }),
      ).toBe(false);
    }),
  );
});

const GRANT: Grant = {
  protocol: 6,
  private: { address: ipv4(0x0a41000d), port: 80 },
  public: { address: ipv4(0xc633640a), port: 5000 },
  nonce: "000102030405060708090a0b",
  endsAt: 1000,
};

test("a grant is written with its time and nonce, and taken away whether it is there or not", () => {
  expect(
    grantText(GRANT, 120),
  ).toBe(`${releaseText(GRANT)}add element inet gatewayd granted { 198.51.100.10 . tcp . 5000 timeout 120s comment "pcp 000102030405060708090a0b" : 10.65.0.13 . 80 }
add element inet gatewayd granted_out { tcp . 10.65.0.13 . 80 timeout 120s comment "pcp 000102030405060708090a0b" : 198.51.100.10 . 5000 }
`);
  expect(releaseText(GRANT).split("\n").slice(0, 2)).toEqual([
    "add element inet gatewayd granted { 198.51.100.10 . tcp . 5000 : 10.65.0.13 . 80 }",
    "delete element inet gatewayd granted { 198.51.100.10 . tcp . 5000 }",
  ]);
});

test("what nft lists is read back; what others wrote is passed over", () => {
  const listing = `table inet gatewayd {
	map granted {
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
		size 131072
		flags timeout
		elements = { 0.0.0.0 . tcp . 0 comment "epoch 123" : 0.0.0.0 . 0,
			     198.51.100.10 . tcp . 5000 timeout 2h expires 1h59m58s500ms comment "pcp 000102030405060708090a0b" : 10.65.0.13 . 80,
			     198.51.100.10 . udp . 7 timeout 2h expires 5s comment "mine" : 10.65.0.14 . 7 }
	}
}
`;
  expect(parseGranted(listing, 100)).toEqual({ startedAt: 123, grants: [{ ...GRANT, endsAt: 7298.5 }] });
  expect(parseGranted("", 100)).toEqual({ startedAt: undefined, grants: [] });
});
