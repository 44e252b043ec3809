/**
 * Looks at every flow that conntrack has, of which there may be a million, in slices: between two of them netd does what
 * else it is asked. Flows that are not translated are passed over. Of IPv6 floating IPs alone are, so that who asks for
 * pools is told of IPv4.
 */

import type { Message } from "../netlink/netlink.ts";
import { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { emptyEntry, emptySession, readEntry, readSession } from "./conntrack-entry.ts";
import type { SessionQuery, SessionsFound } from "./session-commands.ts";
import { type Gathering, gathering } from "./session-count.ts";
import { WideAddresses } from "./wide-addresses.ts";

const NETLINK_NETFILTER = 12;
const IPCTNL_MSG_CT_GET = (1 << 8) | 1;
const [AF_UNSPEC, AF_INET, AF_INET6] = [0, 2, 10];
/** A slice ends after this, at the end of a datagram. */
const SLICE_MS = 5;
/** Entries behind this are received, so that the kernel can end its answer, and not looked at. */
const WALK_MS = 30_000;

export class SessionWalker {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #entry = emptyEntry();
  readonly #session = emptySession();
  #last: Promise<unknown> = Promise.resolve();

  /** One after the other: the kernel answers one such question of a socket at a time. @throws Error */
  walk(query: SessionQuery, turn: () => Promise<void>): Promise<SessionsFound> {
    const walk = this.#last.then(() => this.#walk(query, turn));
    this.#last = walk.catch(() => undefined);
    return walk;
  }

  async #walk(query: SessionQuery, turn: () => Promise<void>): Promise<SessionsFound> {
    const wide = new WideAddresses();
    const found = gathering(query, wide);
    const family = familyOf(query);
    const sequence = this.#socket.beginDump(IPCTNL_MSG_CT_GET, (to) => {
      for (const octet of [family, 0, 0, 0]) to.u8(octet);
    });
    const began = performance.now();
    let tracked = 0;
    let complete = true;
    const take = (message: Message): void => {
      tracked++;
      if (complete) this.#take(message, found, wide);
    };
    for (let sliceEnds = began + SLICE_MS; this.#socket.continueDump(sequence, take); ) {
      const now = performance.now();
      if (now < sliceEnds) continue;
      if (now - began > WALK_MS) complete = false;
      await turn();
      sliceEnds = performance.now() + SLICE_MS;
    }
    return { tracked, complete, ...found.result() };
  }

  #take({ payload }: Message, found: Gathering, wide: WideAddresses): void {
    const entry = this.#entry;
    readEntry(payload, entry, wide);
    if (readSession(entry, this.#session)) found.take(this.#session);
  }
}

/** The flows that a query can be about: the kernel leaves the others out. */
function familyOf({ want, filter }: SessionQuery): number {
  if (want === "used" || want === "blocks") return AF_INET;
  const { family } = filter.private ?? filter.public ?? filter.remote ?? {};
  if (family === undefined) return AF_UNSPEC;
  return family === 4 ? AF_INET : AF_INET6;
}
