import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { transpile } from "typescript";
import { afterEach, describe, expect, test } from "vitest";
import * as core from "../index.ts";
import { address, local, peer } from "../speaker/testing/nodes.ts";
import { type NodeWorld, nodeWorld } from "./node-world.ts";

const worlds: NodeWorld[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function speakerAt(
  own: string,
  asn: number,
  port = 0,
): Promise<{ speaker: core.Speaker; world: NodeWorld; port: number }> {
  const world = nodeWorld();
  worlds.push(world);
  const routerId = address(own.includes(":") ? "10.0.0.6" : own);
  const speaker = new core.Speaker({ asn, routerId, multipath: 4, advertiseInstalledOnly: false }, world);
  const [bound] = await world.listen({ addresses: [address(own)], port });
  return { speaker, world, port: bound! };
}

/** Resolves when the speaker has learned so many prefixes. */
const learns = (speaker: core.Speaker, count: number): Promise<void> =>
  new Promise((resolve) => {
    const known = new Set<string>();
    const stop = speaker.onRoutes((changes) => {
      for (const { prefix, local: own } of changes) if (!own) known.add(core.formatPrefix(prefix));
      if (known.size < count) return;
      stop();
      resolve();
    });
  });

test.each([
  ["127.0.0.1", "127.0.0.2"],
  ["::1", "::1"],
])("two speakers on real sockets, %s and %s: 20 000 routes, then a stop with words", async (a, b) => {
  const left = await speakerAt(a, 65001);
  const right = await speakerAt(b, 65002);
  const families: core.Family[] = [4, 6];
  const words = new Promise<string | undefined>((resolve) => {
    right.speaker.onEvent((event) => {
      if (event.on === "notification-received") resolve(event.communication);
    });
  });
  const family = a.includes(":") ? 6 : 4;
  const nextHop = address(family === 4 ? "10.0.0.1" : "2001:db8::1");
  left.speaker.announce(
    Array.from({ length: 20_000 }, (_, i) =>
      family === 4
        ? {
            prefix: { family, w0: 0x0b000000 + i * 256, w1: 0, w2: 0, w3: 0, length: 24 },
            tag: 0,
            med: i % 7,
            nextHop,
          }
        : {
            prefix: { family, w0: 0x20010db8, w1: i, w2: 0, w3: 0, length: 64 },
            tag: 0,
            med: i % 7,
            nextHop,
          },
    ),
  );
  const learned = learns(right.speaker, 20_000);
  left.speaker.setPeers([peer(b, 65002, { port: right.port, localAddress: address(a), families })]);
  right.speaker.setPeers([peer(a, 65001, { passive: true, families })]);
  await learned;
  left.speaker.stop({ text: "good night" });
  await expect(words).resolves.toBe("good night");
});

describe("a world that is closed", () => {
  test("leaves no socket and no timer behind", async () => {
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind !== "CloseReq").length;
    const before = handles();
    const left = await speakerAt("127.0.0.1", 65001);
    const right = await speakerAt("127.0.0.2", 65002);
    left.speaker.announce([{ ...local("192.0.2.0/24"), nextHop: address("10.0.0.1") }]);
    const learned = learns(right.speaker, 1);
    left.speaker.setPeers([
      peer("127.0.0.2", 65002, { port: right.port, localAddress: address("127.0.0.1") }),
    ]);
    right.speaker.setPeers([peer("127.0.0.1", 65001, { passive: true })]);
    await learned;
    expect(handles()).toBeGreaterThan(before);
    await Promise.all(worlds.splice(0).map((world) => world.close()));
    expect(handles()).toBeLessThanOrEqual(before);
  });

  test("does not begin again", async () => {
    const { speaker, world } = await speakerAt("127.0.0.1", 65001);
    await world.close();
    speaker.setPeers([peer("127.0.0.9", 65002, { passive: true })]);
    world.wakeAt(0);
    expect(speaker.peers()[0]!.state).toBe("active");
  });
});

test("an address in use is an error that names it", async () => {
  const { port } = await speakerAt("127.0.0.1", 65001);
  await expect(nodeWorld().listen({ addresses: [address("127.0.0.1")], port })).rejects.toThrow(
    `127.0.0.1:${port}`,
  );
});

test("a stranger's connection is closed at once, with Cease, Connection Rejected; of many, a few are told", async () => {
  const { port } = await speakerAt("127.0.0.1", 65001);
  const knock = (): Promise<string> => {
    const socket = connect({ host: "127.0.0.1", port });
    let heard = "";
    socket.on("data", (octets: Buffer) => {
      heard += octets.toString("hex");
    });
    socket.on("error", () => {});
    return new Promise((resolve) => socket.once("close", () => resolve(heard)));
  };
  const told = `${"ff".repeat(16)}0015030605`;
  expect(await knock()).toBe(told);
  const answers = await Promise.all(Array.from({ length: 200 }, knock));
  expect(new Set(answers)).toEqual(new Set([told, ""]));
});

test("the example of the README", async () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(
    readFileSync(new URL("../README.md", import.meta.url), "utf8"),
  )!;
  const other = await speakerAt("127.0.0.2", 65001, await freePort());
  other.speaker.setPeers([peer("127.0.0.1", 65000, { passive: true })]);
  other.speaker.announce([{ ...local("198.51.100.0/24"), nextHop: address("10.0.0.1") }]);
  const heard = learns(other.speaker, 1);
  const printed: string[] = [];
  const run = transpile(example!, { target: 99, module: 99 })
    .replace(/import (\{[^}]*\}) from "@bgp-ts\/core";/, "const $1 = core;")
    .replace("port: 179", `port: ${await freePort()}`)
    .replace("...PEER_DEFAULTS", `...PEER_DEFAULTS, port: ${other.port}`);
  const AsyncFunction = (async () => {}).constructor as new (
    ...words: string[]
  ) => (...given: unknown[]) => Promise<NodeWorld>;
  const log = (prefixes: readonly string[]): number => printed.push(...prefixes);
  const world = await new AsyncFunction("core", "console", `${run}; return world;`)(core, { log });
  worlds.push(world);
  await heard;
  await expect.poll(() => [...printed].sort()).toEqual(["192.0.2.0/24", "198.51.100.0/24"]);
});

/** A port that nobody has at the moment. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === "object" && bound !== null ? bound.port : 0));
    });
  });
