/** What the API says of next hops. */

/** A next hop of paths that import lets in, and how the kernel gets there (RFC 4271 §9.1.2.1). */
export interface NextHopAnswer {
  readonly nextHop: string;
  readonly reachable: boolean;
  /** Why it cannot be reached. */
  readonly reason?: string;
  /** The cost of RFC 4271 §9.1.2.2 e): that of the kernel's route, 0 on a link of ours. Absent: it cannot be reached. */
  readonly metric?: number;
  /** The route of the kernel that leads there; absent where none does. */
  readonly route?: string;
  /** Where packets leave; without a gateway, the next hop is on the link. */
  readonly via: readonly { readonly gateway?: string; readonly interface: string }[];
}
