import { describe, expect, test } from "vitest";
import { compiledOtherwise } from "./nft-probe.ts";

/** As libnftables 1.0.6 says it. */
const TRIED = `inet (null) (null) use 0
s probe 8
s probe 0
	element 010200c0 00000001  : 020200c0 0 [end]
inet probe c
  [ meta load nfproto => reg 1 ]
  [ cmp eq reg 1 0x00000002 ]
  [ payload load 4b @ network header + 12 => reg 1 ]
  [ ct load src_ip => reg 14 , dir original ]
  [ hash reg 9 = jhash(reg 14, 4, 0x86) % mod 256 ]
  [ lookup reg 1 set s dreg 1 ]
  [ payload write reg 1 => 4b @ network header + 12 csum_type 1 csum_off 10 csum_flags 0x1 ]

inet probe c
  [ meta load l4proto => reg 1 ]
  [ cmp eq reg 1 0x00000006 ]
  [ numgen reg 1 = random mod 67108864 offset 67108864 ]
  [ byteorder reg 1 = hton(reg 1, 4, 4) ]
  [ payload write reg 1 => 2b @ transport header + 0 csum_type 1 csum_off 16 csum_flags 0x0 ]
`;

describe("a library that compiles our rules otherwise is told by what it makes of them", () => {
  test.each([
    ["as they were tried", TRIED, []],
    ["a port of two octets", TRIED.replace("hton(reg 1, 4, 4)", "hton(reg 1, 2, 2)"), ["a port by chance"]],
    ["a port as it is", TRIED.replace(/ *\[ byteorder.*\n/u, ""), ["a port by chance"]],
    ["a number in network order", TRIED.replace("00000001  :", "01000000  :"), ["a number in a set"]],
    [
      "a hash in network order",
      TRIED.replace("mod 256 ]", "mod 256 ]\n  [ byteorder reg 9 = hton(reg 9, 4, 4) ]"),
      ["a hash as a key"],
    ],
    ["nothing at all", "", ["a port by chance", "a hash as a key", "a number in a set"]],
  ])("%s", (_, text, otherwise) => {
    expect(compiledOtherwise(text)).toEqual(otherwise);
  });
});
