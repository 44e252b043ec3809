/**
 * Two speakers that tell the same prefixes, with the same attributes but their AS number and next hop, so that the first
 * one's are the best paths, or as good as the other's. argv: a {@link PrefixPlan} as JSON. Its parent says what they do:
 * {@link Order}; each is answered with the time of its beginning, in nanoseconds of the machine's monotonic clock, once
 * all of it is with the kernel.
 */

import { DAEMON_ADDRESS, HOLD_SECONDS, senderOf } from "../blast.ts";
import { announcements, type PrefixPlan } from "../load.ts";
import { Session } from "../session.ts";

/** Which of them is to tell all, or to end. "meet": both are to have sessions. */
export type Order = { readonly tell: number } | { readonly end: number } | "meet";

const LOOK_MS = 10;
const plan = JSON.parse(process.argv[2] ?? "") as PrefixPlan;
const speakers = [0, 1].map((i) => ({
  session: new Session({
    plan,
    ...senderOf(i),
    remote: DAEMON_ADDRESS,
    holdSeconds: HOLD_SECONDS,
    counts: false,
  }),
  octets: announcements(plan, { ...senderOf(i), index: 0, nextHop: Uint8Array.of(10, 9, 0, 10 + i) }),
}));

process.on("message", (order: Order) => {
  const began = process.hrtime.bigint();
  void carryOut(order).then(() => process.send?.(`${began}`));
});
process.on("disconnect", () => process.exit(0));

async function carryOut(order: Order): Promise<void> {
  if (order === "meet") {
    while (speakers.some(({ session }) => !session.established))
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  } else if ("tell" in order) {
    const { session, octets } = speakers[order.tell]!;
    await session.send(octets);
  } else speakers[order.end]!.session.close();
}
