/** Keys of a peer about ASes: what it and we are to each other, and which numbers are shown, allowed and expected. */

import { z } from "zod";
import type { PeerAsRules } from "../model/model.ts";
import { asn, choice, flag, integer, mapping } from "./scalars.ts";

const ROLES = ["provider", "customer", "peer", "rs", "rs-client"] as const;

/** As they would stand in the file: they reach the model and the JSON Schema from here. */
const DEFAULTS = {
  strictRole: false,
  allowOwnAs: 0,
  removePrivateAs: false,
  asOverride: false,
  routeServerClient: false,
};

const localAs: z.ZodType<PeerAsRules["localAs"] | false> = z.union(
  [
    z.literal(false),
    asn.transform((number) => ({ asn: number, noPrepend: false, replaceAs: false })),
    mapping({
      asn: asn.meta({ description: "What the peer takes for our AS number." }),
      noPrepend: flag
        .prefault(false)
        .meta({ description: "Do not put it in front of what the peer tells us." }),
      replaceAs: flag
        .prefault(false)
        .meta({ description: "Do not show the peer our real number behind it." }),
    }),
  ],
  { error: "an AS number, a mapping, or false" },
);

/** As the file has them; what is missing may stand in the peer's group. */
type Given = {
  readonly [K in Exclude<keyof PeerAsRules, "localAs" | "role">]: PeerAsRules[K] | undefined;
} & { readonly localAs: PeerAsRules["localAs"] | false; readonly role: PeerAsRules["role"] | false };

export const asKeys: { readonly [K in keyof Given]: z.ZodType<Given[K]> } = {
  role: z
    .literal([...ROLES, false], { error: `one of ${ROLES.join(", ")}, or false` })
    .optional()
    .meta({
      description:
        "eBGP: what we are to the peer (RFC 9234); keeps route leaks out both ways. false: none is said.",
    }),
  strictRole: flag.optional().meta({
    default: DEFAULTS.strictRole,
    description: "With role: no session with a peer that does not say its own.",
  }),
  localAs: localAs
    .optional()
    .meta({ description: "eBGP: another AS number that we are to this peer. Default: bgp.asn." }),
  allowOwnAs: integer(0, 10).optional().meta({
    default: DEFAULTS.allowOwnAs,
    description: "How often our own AS number may be in a path of the peer before that is a loop.",
  }),
  enforceFirstAs: flag.optional().meta({
    description:
      "eBGP: paths must begin with the peer's AS number (RFC 4271). Default: true, but for role rs-client.",
  }),
  removePrivateAs: z
    .union([flag, choice(["all", "replace"])], { error: "true, false, all or replace" })
    .optional()
    .meta({
      default: DEFAULTS.removePrivateAs,
      description:
        "eBGP: numbers for private use (RFC 6996) in what we tell. true: they go where there are no others.",
    }),
  asOverride: flag.optional().meta({
    default: DEFAULTS.asOverride,
    description: "eBGP: in what we tell, our AS number stands in place of the peer's own.",
  }),
  routeServerClient: flag.optional().meta({
    default: DEFAULTS.routeServerClient,
    description: "eBGP: tell what such peers told as it came: AS path, next hop, MED (RFC 7947).",
  }),
};

export const asRulesOf = (given: Given): PeerAsRules => ({
  role: given.role === false ? undefined : given.role,
  strictRole: given.strictRole ?? DEFAULTS.strictRole,
  localAs: given.localAs === false ? undefined : given.localAs,
  allowOwnAs: given.allowOwnAs ?? DEFAULTS.allowOwnAs,
  // RFC 7947 §2.2.2.1: a route server does not put its own number in front.
  enforceFirstAs: given.enforceFirstAs ?? given.role !== "rs-client",
  removePrivateAs: given.removePrivateAs ?? DEFAULTS.removePrivateAs,
  asOverride: given.asOverride ?? DEFAULTS.asOverride,
  routeServerClient: given.routeServerClient ?? DEFAULTS.routeServerClient,
});
