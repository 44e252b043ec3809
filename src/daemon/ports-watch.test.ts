import { afterEach, expect, test } from "vitest";
import { formatAddress } from "../bgp/net/text.ts";
import type { SessionsFound } from "../kernel/conntrack/session-commands.ts";
import type { Pool } from "../model/model.ts";
import { POOL } from "../model/testing/values.ts";
import { PortsWatch, portProblem } from "./ports-watch.ts";

/** 1000 ports of one address. */
const SHARED: Pool = { ...POOL, ports: { first: 1024, last: 2023 }, blockSize: 0 };
const ADDRESS = formatAddress(SHARED.addresses[0]!);

const usedBy = (tcp: number, udp: number): SessionsFound["used"] => [
  { public: ADDRESS, sessions: tcp + udp, users: 1, ports: { icmp: 1000, tcp, udp } },
];

test.each([
  [899, 0, false, false],
  [900, 0, false, true],
  [0, 900, false, true],
  [450, 450, false, false],
  [899, 0, true, true],
  [0, 800, true, true],
  [799, 799, true, false],
])("%i of 1000 ports by TCP and %i by UDP, a problem before: %s, is one now: %s", (tcp, udp, before, now) => {
  const problem = portProblem([SHARED], usedBy(tcp, udp), before ? ADDRESS : undefined);
  expect(problem).toEqual(now ? expect.objectContaining({ code: "nat.ports", subject: ADDRESS }) : undefined);
});

let watch: PortsWatch | undefined;
afterEach(() => watch?.stop());

test("flows are walked through only where there are enough of them, and what comes and goes is told once", async () => {
  const world = { count: 0, tcp: 0, walks: 0, told: 0, complete: true, pools: [SHARED] };
  watch = new PortsWatch({
    pools: () => world.pools,
    conntrack: async () => ({ count: world.count }),
    sessions: async () => {
      world.walks++;
      const { tcp, complete } = world;
      return {
        ...{ tracked: tcp, complete, matching: tcp, sessions: [], top: [], busy: [] },
        used: usedBy(tcp, 0),
      };
    },
    changed: () => void world.told++,
  });
  const look = async (changes: Partial<typeof world>): Promise<string | undefined> => {
    Object.assign(world, changes);
    await watch?.look();
    return watch?.problem?.subject;
  };
  expect(await look({ count: 799, tcp: 799 })).toBeUndefined();
  expect(world.walks).toBe(0);
  expect(await look({ count: 950, tcp: 950 })).toBe(ADDRESS);
  expect(await look({ tcp: 850 })).toBe(ADDRESS);
  expect(world.told).toBe(1);
  // Only some of the flows were seen.
  expect(await look({ tcp: 100, complete: false })).toBe(ADDRESS);
  expect(await look({ count: 700 })).toBeUndefined();
  expect(world.told).toBe(2);
  expect(
    await look({ count: 950, tcp: 950, complete: true, pools: [{ ...SHARED, blockSize: 16 }] }),
  ).toBeUndefined();
});
