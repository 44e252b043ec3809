/**
 * Whether this libnftables compiles our rules as the one that they were tried with (1.0.6). Two of them rest on in which
 * order it puts the octets of numbers for which its language has no type: the port that is chosen by chance, which is
 * the upper half of a number of 32 bits in network order, and the number of a slot that a hash is looked up by. Nothing
 * of it would be refused; ports would be outside of their pools, and pools would translate nothing.
 */

import { openLibrary } from "./nft.ts";

const NFT_DEBUG_NETLINK = 8;

const PROBE = `add table inet probe
add chain inet probe c
add map inet probe s { typeof ip saddr . numgen inc mod 2 : ip saddr; }
add element inet probe s { 192.0.2.1 . 1 : 192.0.2.2 }
add rule inet probe c ip saddr set ip saddr . jhash ct original ip saddr mod 256 seed 0x86 map @s
add rule inet probe c tcp sport set numgen random mod 67108864 offset 67108864
`;

/** The text that the library makes of {@link PROBE} for people to look at. The kernel is not asked. */
function compiled(): string {
  const library = openLibrary();
  const context: unknown = library.func("void *nft_ctx_new(uint32_t flags)")(0);
  try {
    library.func("int nft_ctx_buffer_output(void *context)")(context);
    library.func("int nft_ctx_buffer_error(void *context)")(context);
    library.func("void nft_ctx_set_dry_run(void *context, bool dry)")(context, true);
    library.func("void nft_ctx_output_set_debug(void *context, uint mask)")(context, NFT_DEBUG_NETLINK);
    library.func("int nft_run_cmd_from_buffer(void *context, void *commands)")(
      context,
      Buffer.from(`${PROBE}\0`),
    );
    return library.func("str nft_ctx_get_output_buffer(void *context)")(context) as string;
  } finally {
    library.func("void nft_ctx_free(void *context)")(context);
  }
}

/** Each as one expression follows another in a rule, and as an element is put into a set. */
const WANTED: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    "a port by chance",
    /numgen reg (\d+) = random mod 67108864 offset 67108864 \]\s+\[ byteorder reg \1 = hton\(reg \1, 4, 4\) \]\s+\[ payload write reg \1 => 2b /,
  ],
  ["a hash as a key", /= jhash\([^\]]*mod 256 \]\s+\[ lookup /],
  ["a number in a set", /element [\da-f]{8} 00000001\s+: /],
];

/** What is compiled otherwise; empty: nothing. @throws NoLibrary */
export function compiledOtherwise(text: string = compiled()): string[] {
  return WANTED.filter(([, pattern]) => !pattern.test(text)).map(([what]) => what);
}
