/** Rules that both families of addresses have, written once. */

/** How nft names the header, and what the names of sets end with. */
type Spelled = (ip: "ip" | "ip6", six: "" | "6") => string;

export const inBothFamilies = (rule: Spelled): readonly string[] => [rule("ip", ""), rule("ip6", "6")];
