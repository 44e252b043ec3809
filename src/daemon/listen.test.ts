import { expect, test } from "vitest";
import { parseAddress } from "../bgp/net/text.ts";
import { listenFailure } from "./listen.ts";

const listen = { addresses: [parseAddress("192.0.2.1")!, parseAddress("2001:db8::1")!], port: 179 };

test.each([
  ["EADDRINUSE", /192\.0\.2\.1 port 179: another process .*bgp\.listen/],
  ["EACCES", /CAP_NET_BIND_SERVICE.*bgp\.listen\.port/],
  ["EADDRNOTAVAIL", /no such address.*bgp\.listen\.addresses/],
  ["EAFNOSUPPORT", /family.*bgp\.listen\.addresses/],
  ["EMFILE", /192\.0\.2\.1 port 179: words of the system/],
])("%s names the place and what to do", (code, words) => {
  const error = Object.assign(new Error("words of the system"), { code, address: "192.0.2.1" });
  expect(listenFailure(error, listen)).toMatch(words);
});

test("without an address in the error, all of them are named", () => {
  expect(listenFailure(new Error("no"), listen)).toMatch(/192\.0\.2\.1, 2001:db8::1 port 179: no$/);
});
