/** Rules as they have to be written for nft 1.0.6, where it lists them in other words than it takes. */

export const writtenRule = (rule: string): string =>
  withProtocol(
    rule
      // By the name of its field, which nft gives it in a list, a protocol would be set with correction of sums.
      .replace("ip protocol set ipv6-icmp", "@nh,72,8 set 0x3a")
      .replace("ip protocol set icmp", "@nh,72,8 set 0x1"),
  );

/**
 * A rule that looks at a port in the header is one of that protocol, and is listed without a further word about it. But a port
 * that conntrack knows has no type until the protocol was named.
 */
function withProtocol(rule: string): string {
  const [, protocol] = /\b(tcp|udp) [sd]port\b/.exec(rule) ?? [];
  return protocol === undefined || !/\bct (?:original|reply) proto-/.test(rule)
    ? rule
    : `meta l4proto ${protocol} ${rule}`;
}
