/** From the octets of a request to those of its answer, in both protocols; what it comes to is somebody else's. */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import type { Ask, Outcome } from "./ask.ts";
import { LONG_SECONDS } from "./ask.ts";
import { NO_NONCE } from "./grants.ts";
import {
  decodeNatPmp,
  encodeNatPmp,
  NAT_PMP_VERSION,
  type NatPmpMapRequest,
  type NatPmpResult,
} from "./nat-pmp.ts";
import { decodePcp, encodePcp, type MapRequest, type PcpRequest, type Result, TCP, UDP } from "./pcp.ts";

/** Who has mappings to give. */
export interface Giver {
  readonly epochSeconds: number;
  answer(ask: Ask): Promise<Outcome>;
  /** Ends all that are known by the nonce. @param protocol - undefined: of any */
  endAll(address: Address, protocol: number | undefined, nonce: string): Promise<Outcome>;
  /** What an address looks like outside; undefined: that is not known. */
  placeOf(address: Address): { readonly address: Address } | undefined;
}

export interface Spoken {
  readonly octets: Uint8Array;
  readonly protocol: "pcp" | "nat-pmp";
  readonly result: Result;
}

/** Undefined: the octets deserve no answer. @param source - who sent them: IPv4 */
export async function speak(giver: Giver, source: Address, octets: Uint8Array): Promise<Spoken | undefined> {
  return octets[0] === NAT_PMP_VERSION
    ? await speakNatPmp(giver, source, octets)
    : await speakPcp(giver, source, octets);
}

async function speakPcp(giver: Giver, source: Address, octets: Uint8Array): Promise<Spoken | undefined> {
  const decoded = decodePcp(octets);
  if (decoded === undefined) return undefined;
  const outcome = await outcomeOf(giver, source, decoded);
  const { result, lifetimeSeconds, external } = outcome;
  const { epochSeconds } = giver;
  const answer = { result, lifetimeSeconds, epochSeconds, ...(external && { external }) };
  return { octets: encodePcp(octets, answer), protocol: "pcp", result };
}

async function outcomeOf(
  giver: Giver,
  source: Address,
  decoded: NonNullable<ReturnType<typeof decodePcp>>,
): Promise<Outcome> {
  if ("fault" in decoded) return faulty(decoded.fault);
  // RFC 6887 section 8.1: somebody translated the request on its way, and the mapping would lead nowhere.
  if (decoded.client === undefined || !sameAddress(decoded.client, source)) return faulty("addressMismatch");
  return await asked(giver, source, decoded.request);
}

const faulty = (result: Result): Outcome => ({ result, lifetimeSeconds: LONG_SECONDS });

async function asked(giver: Giver, source: Address, request: PcpRequest): Promise<Outcome> {
  if (request.opcode === "announce") return { result: "success", lifetimeSeconds: 0 };
  const { protocol, internalPort, lifetimeSeconds, nonce } = request;
  const isWhole = internalPort === 0;
  // Section 15.1: all ports, or all protocols, can be deleted. They cannot be had: others need the address too.
  if (isWhole && lifetimeSeconds === 0)
    return await giver.endAll(source, protocol === 0 ? undefined : protocol, nonce);
  if (protocol !== TCP && protocol !== UDP) return faulty("unsupportedProtocol");
  if (isWhole) return faulty("notAuthorized");
  return await giver.answer(askOf(source, protocol, request));
}

const askOf = (source: Address, protocol: Ask["protocol"], request: MapRequest): Ask => ({
  protocol,
  private: { address: source, port: request.internalPort },
  nonce: request.nonce,
  lifetimeSeconds: request.lifetimeSeconds,
  suggestedPort: request.suggestedPort,
  suggestedAddress: request.suggestedAddress,
  preferFailure: request.preferFailure,
});

async function speakNatPmp(giver: Giver, source: Address, octets: Uint8Array): Promise<Spoken | undefined> {
  const request = decodeNatPmp(octets);
  if (request === undefined) return undefined;
  const { epochSeconds } = giver;
  const spoken = (result: Result, more: Partial<Parameters<typeof encodeNatPmp>[1]> = {}): Spoken => {
    const answer = { result: NAT_PMP_RESULTS[result] ?? "notAuthorized", epochSeconds, ...more };
    return { octets: encodeNatPmp(octets, answer), protocol: "nat-pmp", result };
  };
  if (request.opcode === "unsupported") return spoken("unsupportedOpcode");
  if (request.opcode === "address") {
    const place = giver.placeOf(source);
    return place === undefined ? spoken("networkFailure") : spoken("success", { address: place.address });
  }
  const { result, lifetimeSeconds, external } = await mapped(giver, source, request);
  if (result !== "success") return spoken(result);
  // RFC 6886 section 3.4: what was deleted has neither port nor lifetime.
  return spoken(result, { mapped: { port: external?.port ?? 0, lifetimeSeconds } });
}

async function mapped(giver: Giver, source: Address, request: NatPmpMapRequest): Promise<Outcome> {
  const { protocol, internalPort, suggestedPort, lifetimeSeconds } = request;
  if (internalPort === 0)
    return lifetimeSeconds === 0
      ? await giver.endAll(source, protocol, NO_NONCE)
      : { result: "notAuthorized", lifetimeSeconds: 0 };
  return await giver.answer({
    protocol,
    private: { address: source, port: internalPort },
    nonce: NO_NONCE,
    lifetimeSeconds,
    suggestedPort,
    suggestedAddress: undefined,
    preferFailure: false,
  });
}

/** Those that NAT-PMP has a word for; it has one for all others. */
const NAT_PMP_RESULTS: { readonly [K in Result]?: NatPmpResult } = {
  success: "success",
  networkFailure: "networkFailure",
  noResources: "outOfResources",
  userExceededQuota: "outOfResources",
  unsupportedOpcode: "unsupportedOpcode",
};
