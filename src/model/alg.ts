/** Application-level gateways: what of a payload the kernel can translate, where that is wanted. */

export const ALGS = ["ftp", "h323", "irc", "pptp", "sip", "tftp"] as const;
export type Alg = (typeof ALGS)[number];
