/**
 * What RFC 4787 (UDP), 5382 (TCP), 5508 (ICMP), 6888 (carrier-grade) and 7857 (updates) want of a NAT, in our words. A test
 * says by `shows` (shows.ts) which of them it shows; docs/NAT.md is made of both.
 */

export const REQUIREMENTS = {
  "RFC 4787 REQ-1": "MUST: a private endpoint has one external endpoint, whomever it speaks to",
  "RFC 4787 REQ-2": "RECOMMENDED: all flows of a private address leave from one address of the pool",
  "RFC 4787 REQ-3": "MUST NOT: two private endpoints share an external one",
  "RFC 4787 REQ-3a": "RECOMMENDED: ports below 1024 leave from such, others from others",
  "RFC 4787 REQ-4": "RECOMMENDED: even ports leave from even ones, odd ones from odd ones",
  "RFC 4787 REQ-5": "MUST: a mapping lives through two minutes of silence",
  "RFC 4787 REQ-5a": "MAY: less for flows to some well-known ports",
  "RFC 4787 REQ-5b": "MAY: that time can be configured",
  "RFC 4787 REQ-5c": "RECOMMENDED: it is five minutes by default",
  "RFC 4787 REQ-6": "MUST: what goes out keeps the mapping alive",
  "RFC 4787 REQ-6a": "MAY: what comes in does so too",
  "RFC 4787 REQ-7": "MUST: private and external networks with the same addresses do not meet",
  "RFC 4787 REQ-8":
    "RECOMMENDED: everybody may send to an external endpoint, or the addresses that it has sent to",
  "RFC 4787 REQ-8a": "MAY: which of these can be configured",
  "RFC 4787 REQ-9": "MUST: private endpoints reach each other by their external ones (hairpinning)",
  "RFC 4787 REQ-9a": "MUST: and see the external endpoint of the other",
  "RFC 4787 REQ-10": "SHOULD: application-level gateways for UDP are off",
  "RFC 4787 REQ-10a": "RECOMMENDED: each of them can be switched by itself",
  "RFC 4787 REQ-11": "MUST: it behaves the same at all times and under all conditions",
  "RFC 4787 REQ-12": "MUST NOT: an ICMP message ends a mapping",
  "RFC 4787 REQ-12a": "SHOULD NOT: ICMP messages are filtered by who sends them",
  "RFC 4787 REQ-12b": "RECOMMENDED: Destination Unreachable is translated",
  "RFC 4787 REQ-13":
    "MUST: a packet that is too large and must not be fragmented is answered with Fragmentation Needed",
  "RFC 4787 REQ-13a": "MUST: one that may be fragmented is; SHOULD: its fragments go out in order",
  "RFC 4787 REQ-14": "MUST: fragments arrive, in any order",
  "RFC 4787 REQ-14a": "MUST: an attack with fragments leaves other packets alone",

  "RFC 5382 REQ-1": "MUST: a private endpoint has one external endpoint, whomever it speaks to",
  "RFC 5382 REQ-2":
    "MUST: all valid sequences of TCP packets work, from inside and, where let in, from outside",
  "RFC 5382 REQ-2a": "MUST: so does simultaneous open",
  "RFC 5382 REQ-3":
    "RECOMMENDED: everybody may connect to an external endpoint, or the addresses that it has connected to",
  "RFC 5382 REQ-3a": "MAY: which of these can be configured",
  "RFC 5382 REQ-3b": "MAY: for TCP by itself",
  "RFC 5382 REQ-4":
    "MUST NOT: an unsolicited SYN is answered within 6 s, nor at all when a SYN goes out meanwhile; SHOULD: else with Port Unreachable",
  "RFC 5382 REQ-4a": "MUST: silence, where an answer would be against the policy",
  "RFC 5382 REQ-5":
    "MUST: an established connection lives through 2 h 4 min of silence, one that opens or closes through 4 min",
  "RFC 5382 REQ-5a": "MAY: these times can be configured",
  "RFC 5382 REQ-6": "RECOMMENDED: application-level gateways for TCP, but that of FTP, are off",
  "RFC 5382 REQ-7": "MUST NOT: two private endpoints share an external one",
  "RFC 5382 REQ-8": "MUST: private endpoints reach each other by their external ones (hairpinning)",
  "RFC 5382 REQ-8a": "MUST: and see the external endpoint of the other",
  "RFC 5382 REQ-9": "SHOULD: Destination Unreachable is translated",
  "RFC 5382 REQ-10": "MUST NOT: an ICMP message ends a mapping or a connection",

  "RFC 5508 REQ-1": "MUST: queries from inside, and the answers to them, pass",
  "RFC 5508 REQ-1a": "SHOULD: an identifier has one external one, whomever it asks",
  "RFC 5508 REQ-2": "MUST: a query lives through 60 s of silence",
  "RFC 5508 REQ-2a": "RECOMMENDED: that time can be configured",
  "RFC 5508 REQ-3": "SHOULD: an error with a wrong checksum is dropped",
  "RFC 5508 REQ-3a": "SHOULD: so is one whose packet within has a wrong IP checksum",
  "RFC 5508 REQ-3b": "MUST: IP options of the packet within are passed over",
  "RFC 5508 REQ-3c": "SHOULD NOT: the transport checksum of the packet within is looked at",
  "RFC 5508 REQ-3d": "MUST: where it is looked at, ICMP extensions behind it are left out",
  "RFC 5508 REQ-4": "SHOULD: an error from outside about no mapping is dropped; MUST: any other passes",
  "RFC 5508 REQ-4a": "MUST: with the packet within as it was before it was translated",
  "RFC 5508 REQ-4b": "MUST: with its type and code",
  "RFC 5508 REQ-4c": "MUST: to the source of the packet within",
  "RFC 5508 REQ-5": "SHOULD: an error from inside about no mapping is dropped; MUST: any other passes",
  "RFC 5508 REQ-5a": "MUST: with the packet within as it was before it was translated",
  "RFC 5508 REQ-5b": "MUST: with its type and code",
  "RFC 5508 REQ-5c": "MUST: from an external address: that of who sent it, if it has one, else the NAT's own",
  "RFC 5508 REQ-6": "MUST NOT: an error about a query prolongs or ends it",
  "RFC 5508 REQ-7": "MUST: hairpinned errors pass, and with 1:1 translation hairpinned queries",
  "RFC 5508 REQ-7a": "MUST: a hairpinned error goes to the source of the packet within",
  "RFC 5508 REQ-8": "SHOULD: a flow that cannot be translated is refused with type 3 code 13, and dropped",
  "RFC 5508 REQ-9": "MAY: a policy keeps ICMP messages from some interfaces",
  "RFC 5508 REQ-10a": "MUST: Destination Unreachable, Time Exceeded, Echo and its Reply are translated",
  "RFC 5508 REQ-10b": "MAY: so are others, such as Timestamp and Parameter Problem",
  "RFC 5508 REQ-10c": "SHOULD NOT: Source Quench and Information Request are",
  "RFC 5508 REQ-10d": "RECOMMENDED: errors of the NAT's own have the type of service that RFC 1812 wants",
  "RFC 5508 REQ-10e": "RECOMMENDED: none is sent where RFC 1812 forbids it",
  "RFC 5508 REQ-10f": "RECOMMENDED: their rate is limited",
  "RFC 5508 REQ-11": "MAY: what is neither query nor error is dropped",

  "RFC 6888 REQ-1": "MUST: each protocol that is translated is translated as its RFC wants",
  "RFC 6888 REQ-2": "MUST: all flows of a private address leave from one address of the pool by default",
  "RFC 6888 REQ-3": "SHOULD NOT: pools are limited in size; MUST: addresses need not follow each other",
  "RFC 6888 REQ-4": "MUST: the external ports of a private address can be limited",
  "RFC 6888 REQ-4a": "MUST: that limit can be configured",
  "RFC 6888 REQ-4b": "MAY: for each protocol by itself",
  "RFC 6888 REQ-4c": "RECOMMENDED: so can the rate of new mappings of a private address",
  "RFC 6888 REQ-5": "SHOULD: the memory that a private address uses up is limited",
  "RFC 6888 REQ-5a": "SHOULD: that limit can be configured",
  "RFC 6888 REQ-5b": "SHOULD: so can the rate at which it uses it up",
  "RFC 6888 REQ-6": "MUST: destinations can be excepted from translation",
  "RFC 6888 REQ-7":
    "RECOMMENDED: everybody may send to an external endpoint; MAY: the addresses that it has sent to",
  "RFC 6888 REQ-8": "SHOULD: a port is given to nobody else for 120 s after it was free",
  "RFC 6888 REQ-9": "MUST: private hosts can ask for mappings; SHOULD: by PCP",
  "RFC 6888 REQ-10": "SHOULD: it can be managed",
  "RFC 6888 REQ-11a": "MUST: a packet for which there can be no mapping is dropped",
  "RFC 6888 REQ-11b": "SHOULD: its sender is told, by Host Unreachable (type 3 code 1)",
  "RFC 6888 REQ-11c": "SHOULD: the operator is told",
  "RFC 6888 REQ-11d": "MUST NOT: mappings that there are make room for it",
  "RFC 6888 REQ-12": "SHOULD NOT: destinations are logged, unless they have to be",
  "RFC 6888 REQ-13": "SHOULD: as many ports as possible can be used",
  "RFC 6888 REQ-14": "SHOULD: the log is small",
  "RFC 6888 REQ-15": "SHOULD: ports are hard to guess",

  "RFC 7857 §2": "SHOULD: TCP connections are tracked by a state machine like that of RFC 6146",
  "RFC 7857 §2.1":
    "SHOULD: the times of those that open and that close can be configured apart; 4 min by default",
  "RFC 7857 §2.2": "MUST: a RST is translated; SHOULD: the connection is kept for 4 min behind it",
  "RFC 7857 §3":
    "MAY: flows to different destinations share an external port, without endpoint-independent mapping",
  "RFC 7857 §4":
    "SHOULD: flows of a private address leave from one address of the pool, unless configured otherwise",
  "RFC 7857 §5": "SHOULD: mappings of TCP and of UDP are independent of each other",
  "RFC 7857 §6": "SHOULD: so is filtering: a mapping of TCP lets in no UDP",
  "RFC 7857 §7": "SHOULD: what comes in does not prolong a mapping that everybody may send to, by default",
  "RFC 7857 §7.1": "SHOULD NOT: errors and RSTs that go out as answers prolong a mapping",
  "RFC 7857 §8": "MAY: even and odd ports are not told apart",
  "RFC 7857 §9": "SHOULD: external ports are chosen by chance",
  "RFC 7857 §10": "SHOULD: packets that share an external address do not share IP identifications (RFC 6864)",
  "RFC 7857 §11": "MAY: the mapping of an ICMP identifier ends with its last query",
  "RFC 7857 §12": "MUST: hairpinned queries of ICMP pass",
} as const;

export type RequirementName = keyof typeof REQUIREMENTS;

/** Why a requirement is not held, or where not; what has tests beside a reason is held in part. */
export const REASONS: Readonly<Partial<Record<RequirementName, string>>> = {
  "RFC 4787 REQ-3a":
    "the ports of a pool are `ports`, by default 1024-65535: those below 1024 leave from above, those above never from below",
  "RFC 4787 REQ-4":
    "a port is kept where it is free, and otherwise chosen by chance (RFC 7857 §8 and §9 prefer that)",
  "RFC 4787 REQ-5a": "one time for all UDP",
  "RFC 4787 REQ-6a":
    "of a flow that began inside, conntrack counts both directions; there is no key to change that",
  "RFC 4787 REQ-14a":
    "whole packets pass; while fragments that miss others fill the memory that the kernel keeps for them (4 MB, each for 30 s at most), further ones are dropped, in order or not",
  "RFC 5382 REQ-3b": "one `filtering` for both",
  "RFC 5508 REQ-1a":
    "an identifier is kept, but towards a destination that another host asks with the same one it is another",
  "RFC 5508 REQ-3a":
    "conntrack does not look at it, and no rule of nftables can sum up a header: it is as wrong when it arrives, and a host may take it all the same, as Linux does",
  "RFC 5508 REQ-8":
    "who is over a limit is answered so; when no port is left, the kernel drops the packet in silence",
  "RFC 5508 REQ-9": "there is no such policy",
  "RFC 6888 REQ-10": "by gwctl, HTTP, a file and Prometheus; there is no MIB",
  "RFC 6888 REQ-4b": "a block is one for all protocols",
  "RFC 6888 REQ-8":
    "that of a TCP connection rests for the 4 min for which it is kept behind its end, and one of a block is its host's; another one of UDP may be taken again, by chance, as soon as its mapping has been silent for its 5 min",
  "RFC 6888 REQ-11b": "RFC 5508 REQ-8 wants code 13 in its place, which is sent to who is over a limit",
  "RFC 7857 §2.2":
    "a connection that is refused at once, with a RST as the only answer, is forgotten at once; its mapping is kept",
  "RFC 7857 §9":
    "with `endpointIndependent` a private endpoint keeps its own port where it is free, and hosts choose theirs by chance (RFC 6056)",
  "RFC 7857 §10": "Linux leaves the identification as the sender chose it",
  "RFC 7857 §12":
    "those to a floating IP; an identifier at an address of a pool is its flow's, and nobody else's queries reach its host",
};

/** Requirements that are not held, whatever tests name them: these show what happens instead. */
export const NOT_HELD: ReadonlySet<RequirementName> = new Set(["RFC 5508 REQ-3a"]);
