/**
 * Looks how many ports of the pools' addresses are in use where private addresses share them, and says so before none is
 * left. (Where they have blocks, what can be given of those is what runs out: given-blocks.ts.)
 */

import { formatAddress } from "../bgp/net/text.ts";
import type { Problem } from "../gateway/intent.ts";
import type { ConntrackUse } from "../kernel/commands.ts";
import type { SessionQuery, SessionsFound } from "../kernel/conntrack/session-commands.ts";
import type { Pool } from "../model/model.ts";

/** It is a walk through all flows. */
const LOOK_EVERY_MS = 30_000;
/** Of the ports of an address, for one protocol: from so many on it is a problem, and with fewer again it is none. */
const FULL = 0.9;
const EASED = 0.8;

export interface PortsWatchOptions {
  readonly pools: () => readonly Pool[];
  /** Undefined where nothing is tracked. */
  readonly conntrack: () => Promise<Pick<ConntrackUse, "count"> | undefined>;
  readonly sessions: (query: SessionQuery) => Promise<SessionsFound>;
  /** {@link PortsWatch.problem} has come, gone, or is about another address. */
  readonly changed: () => void;
}

export class PortsWatch {
  readonly #options: PortsWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #problem: Problem | undefined;

  constructor(options: PortsWatchOptions) {
    this.#options = options;
    // While netd is away, what it said last is the best guess.
    this.#timer = setInterval(() => void this.look().catch(() => undefined), LOOK_EVERY_MS);
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Is called now and then. */
  async look(): Promise<void> {
    const { pools, conntrack, sessions, changed } = this.#options;
    const shared = pools().filter(({ blockSize }) => blockSize === 0);
    const before = this.#problem;
    const least = Math.min(...shared.map((pool) => portCount(pool) * EASED));
    const flows = (await conntrack())?.count ?? 0;
    if (flows < least) this.#problem = undefined;
    else {
      const { used, complete } = await sessions({ want: "used", filter: {}, limit: 1 });
      const found = portProblem(shared, used, before?.subject);
      // What was not looked at may be what fills it.
      if (!complete && found === undefined) return;
      this.#problem = found;
    }
    if (this.#problem?.subject !== before?.subject) changed();
  }
}

/** @param before - the address that it was about the last time */
export function portProblem(
  pools: readonly Pool[],
  used: SessionsFound["used"],
  before: string | undefined,
): Problem | undefined {
  const useByAddress = new Map(used.map((use) => [use.public, use.ports]));
  for (const pool of pools) {
    const count = portCount(pool);
    for (const subject of pool.addresses.map(formatAddress)) {
      const { tcp = 0, udp = 0 } = useByAddress.get(subject) ?? {};
      if (Math.max(tcp, udp) < count * (subject === before ? EASED : FULL)) continue;
      const [most, protocol] = tcp > udp ? [tcp, "TCP"] : [udp, "UDP"];
      const message = `${most} of the ${count} ports of ${subject} are in use for ${protocol}; when none is left, new flows get none: add addresses to pool ${pool.name}, or set limits`;
      return { code: "nat.ports", subject, message };
    }
  }
  return undefined;
}

const portCount = ({ ports }: Pool): number => ports.last - ports.first + 1;
