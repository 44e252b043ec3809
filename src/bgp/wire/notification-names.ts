/** Codes and subcodes of NOTIFICATION in words, as the IANA registry of BGP parameters spells them. */

interface CodeName {
  readonly name: string;
  readonly subcodes: { readonly [subcode: number]: string };
}

const NAMES: { readonly [code: number]: CodeName } = {
  // RFC 4271 §6.1
  1: {
    name: "Message Header Error",
    subcodes: { 1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type" },
  },
  // RFC 4271 §6.2; 7 is of RFC 5492 §5, 11 of RFC 9234 §4.2
  2: {
    name: "OPEN Message Error",
    subcodes: {
      1: "Unsupported Version Number",
      2: "Bad Peer AS",
      3: "Bad BGP Identifier",
      4: "Unsupported Optional Parameter",
      6: "Unacceptable Hold Time",
      7: "Unsupported Capability",
      11: "Role Mismatch",
    },
  },
  // RFC 4271 §6.3
  3: {
    name: "UPDATE Message Error",
    subcodes: {
      1: "Malformed Attribute List",
      2: "Unrecognized Well-known Attribute",
      3: "Missing Well-known Attribute",
      4: "Attribute Flags Error",
      5: "Attribute Length Error",
      6: "Invalid ORIGIN Attribute",
      8: "Invalid NEXT_HOP Attribute",
      9: "Optional Attribute Error",
      10: "Invalid Network Field",
      11: "Malformed AS_PATH",
    },
  },
  4: { name: "Hold Timer Expired", subcodes: {} },
  // RFC 6608 §3
  5: {
    name: "Finite State Machine Error",
    subcodes: {
      1: "Receive Unexpected Message in OpenSent State",
      2: "Receive Unexpected Message in OpenConfirm State",
      3: "Receive Unexpected Message in Established State",
    },
  },
  // RFC 4486 §3; 9 is of RFC 8538 §3, 10 of RFC 9384 §2
  6: {
    name: "Cease",
    subcodes: {
      1: "Maximum Number of Prefixes Reached",
      2: "Administrative Shutdown",
      3: "Peer De-configured",
      4: "Administrative Reset",
      5: "Connection Rejected",
      6: "Other Configuration Change",
      7: "Connection Collision Resolution",
      8: "Out of Resources",
      9: "Hard Reset",
      10: "BFD Down",
    },
  },
  // RFC 7313 §5
  7: { name: "ROUTE-REFRESH Message Error", subcodes: { 1: "Invalid Message Length" } },
  // RFC 9687 §4
  8: { name: "Send Hold Timer Expired", subcodes: {} },
};

/** "Cease: Hard Reset"; the code's name alone for subcode 0; numbers where there is no name. */
export function nameOf(code: number, subcode: number): string {
  const row = NAMES[code];
  if (row === undefined) return `code ${code}, subcode ${subcode}`;
  if (subcode === 0) return row.name;
  return `${row.name}: ${row.subcodes[subcode] ?? `subcode ${subcode}`}`;
}
