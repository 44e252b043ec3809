import { expect, test } from "vitest";
import { parseScopedAddress } from "../../bgp/net/text.ts";
import { encodeJson } from "../commands.ts";
import { decodeTracking, decodeWays } from "./way-commands.ts";

const ip = (text: string) => parseScopedAddress(text)!;

test.each(["192.0.2.1", "2001:db8::1", "fe80::1%eth0"])("%s comes through both ways", (text) => {
  const tracking = { wanted: [ip(text)], released: [ip(text)] };
  expect(decodeTracking(encodeJson(tracking))).toEqual(tracking);
  const ways = [
    {
      nextHop: ip(text),
      way: {
        reachable: true,
        length: 64,
        metric: 0,
        hops: [{ interface: "eth0", gateway: ip("2001:db8::2") }],
      },
    },
  ];
  expect(decodeWays(encodeJson(ways))).toEqual(ways);
});

test.each(["fe80::1%a/b", "192.0.2.1%eth0", "eth0", ""])("no next hop: %j", (text) => {
  expect(() => decodeTracking(Buffer.from(JSON.stringify({ wanted: [text], released: [] })))).toThrow(
    "wanted: not",
  );
});
