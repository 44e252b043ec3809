/** What of a peer's paths is believed, and what of them is told on: limits, and switches against RFCs that forbid. */

import type { z } from "zod";
import type { Peer } from "../model/model.ts";
import { flag, integer } from "./scalars.ts";

type Beliefs = Pick<Peer, "maxAsPathLength" | "maxCommunities" | "acceptAsSets" | "passUnknownAttributes">;

const DEFAULTS: Beliefs = {
  maxAsPathLength: 255,
  maxCommunities: 1000,
  acceptAsSets: false,
  passUnknownAttributes: false,
};

export const beliefs: { readonly [K in keyof Beliefs]: z.ZodOptional<z.ZodType<Beliefs[K]>> } = {
  maxAsPathLength: integer(1, 65535).optional().meta({
    default: DEFAULTS.maxAsPathLength,
    description: "A route with more AS numbers in its path is rejected.",
  }),
  maxCommunities: integer(1, 65535).optional().meta({
    default: DEFAULTS.maxCommunities,
    description: "A route with more communities, of all kinds together, is rejected.",
  }),
  acceptAsSets: flag.optional().meta({
    default: DEFAULTS.acceptAsSets,
    description: "Believe routes with an AS_SET in their path, which RFC 9774 has withdrawn.",
  }),
  passUnknownAttributes: flag.optional().meta({
    default: DEFAULTS.passUnknownAttributes,
    description: "Tell it attributes that gatewayd does not know, where they are transitive (RFC 4271).",
  }),
};

/** What is given, and the defaults. */
export const beliefsOf = (given: { readonly [K in keyof Beliefs]?: Beliefs[K] | undefined }): Beliefs => ({
  maxAsPathLength: given.maxAsPathLength ?? DEFAULTS.maxAsPathLength,
  maxCommunities: given.maxCommunities ?? DEFAULTS.maxCommunities,
  acceptAsSets: given.acceptAsSets ?? DEFAULTS.acceptAsSets,
  passUnknownAttributes: given.passUnknownAttributes ?? DEFAULTS.passUnknownAttributes,
});
