/** What the rules make of packets to an address and from it. */

import type { ExplainAnswer } from "../../../api/explain-schema.ts";
import type { NatTraceAnswer } from "../../../api/nat-schema.ts";
import { type Address, sameAddress } from "../../../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../../../bgp/net/text.ts";
import type { Whose } from "../../../neutron/whose.ts";
import { blockAnswer } from "../block-answers.ts";
import { mappingsAnswer } from "../mapping-answers.ts";
import { traceAnswer } from "../trace-answers.ts";
import type { ExplainSource } from "./source.ts";
import type { Subject } from "./subject.ts";

/** Somebody outside who nobody is: RFC 7600 section 4.8 and RFC 6666 keep these addresses from being anybody's. */
const OUTSIDE = { 4: "192.0.0.8", 6: "100::1" } as const;

const TCP = 6;

/** @param from - who sends the packets to it; somebody outside when it is not said */
export async function translationOf(
  source: ExplainSource,
  subject: Subject,
  found: Whose,
  from: string | undefined,
): Promise<ExplainAnswer["translation"]> {
  const { prefix, isAddress, text } = subject;
  const sender = from === undefined ? undefined : parseAddress(from);
  if (!isAddress || (sender !== undefined && sender.family !== prefix.family))
    return { traces: [], mappings: [] };
  const there = sender === undefined ? OUTSIDE[prefix.family] : formatAddress(sender);
  const inner = innerOf(source, prefix, found);
  const traces = [await traced(source, there, text)];
  if (inner !== undefined) traces.push(await traced(source, inner, there));
  const isPrivate = inner === text && prefix.family === 4;
  return {
    traces,
    ...(isPrivate &&
      source.model.nat.pools.length > 0 && { block: blockAnswer(source.blocks, { address: text }) }),
    mappings: isPrivate ? mappingsAnswer(source.mappings, { private: text }).mappings : [],
  };
}

const traced = ({ trace }: ExplainSource, from: string, to: string): Promise<NatTraceAnswer> =>
  traceAnswer(trace, { source: from, destination: to, protocol: TCP });

/** Whose packets go out: those of the address itself, or of the one that a floating IP leads to as a whole. */
function innerOf({ model }: ExplainSource, address: Address, { floating }: Whose): string | undefined {
  const leads = model.floatingIps.find((one) => sameAddress(one.address, address));
  if (leads !== undefined) return leads.to && formatAddress(leads.to);
  const isOuter =
    floating.length > 0 ||
    model.nat.pools.some(({ addresses }) => addresses.some((own) => sameAddress(own, address)));
  return isOuter ? undefined : formatAddress(address);
}
