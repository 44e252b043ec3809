/** BGP roles (RFC 9234): what two ASes are to each other, and what follows from that for the attribute OTC. */

/** By the value of the capability (§4.1): ours is what we are to the peer. */
export const ROLES = ["provider", "rs", "rs-client", "customer", "peer"] as const;
export type Role = (typeof ROLES)[number];

interface RoleRules {
  /** What the peer must be (§4.2). */
  readonly otherEnd: Role;
  /** A path received with OTC is a leak: whatever it says, when it does not say the peer's AS, or never. */
  readonly leaked: "always" | "unless-remote" | "never";
  /** A path received without OTC gets it, with the peer's AS. */
  readonly marksReceived: boolean;
  /** A path with OTC is not told to the peer. */
  readonly holdsBack: boolean;
  /** A path that is told without OTC gets it, with our AS. */
  readonly marksSent: boolean;
}

/** §4.2 and §5 as a table. No operator may change what it says (§5). */
export const ROLE_RULES: Readonly<Record<Role, RoleRules>> = {
  provider: {
    otherEnd: "customer",
    leaked: "always",
    marksReceived: false,
    holdsBack: false,
    marksSent: true,
  },
  rs: { otherEnd: "rs-client", leaked: "always", marksReceived: false, holdsBack: false, marksSent: true },
  "rs-client": { otherEnd: "rs", leaked: "never", marksReceived: true, holdsBack: true, marksSent: false },
  customer: { otherEnd: "provider", leaked: "never", marksReceived: true, holdsBack: true, marksSent: false },
  peer: { otherEnd: "peer", leaked: "unless-remote", marksReceived: true, holdsBack: true, marksSent: true },
};
