import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import fc from "fast-check";
import { expect } from "vitest";
import { CODE, encodeJson, encodeRoutes } from "../../src/kernel/commands.ts";
import { encodeFrame, type Frame, FrameReader } from "../../src/kernel/frames.ts";
import { eventually, kernelTest, type Lab, readAll, SETTINGS, useLab } from "./lab.ts";
import { EVERY_KIND, link, manyPrefixes, textOf, via } from "./sample.ts";

const here = useLab("netd");

kernelTest("killed while it works, it is back within a second, and nothing is lost or moved", async () => {
  const down: string[] = [];
  let ups = 0;
  here.kernel.onDown((reason) => down.push(reason));
  here.kernel.onUp(() => ups++);
  const many = manyPrefixes(60_000).map((prefix) => ({ prefix, target: link("d0") }));
  const wanted = [...EVERY_KIND, ...many];
  expect(await here.kernel.putRoutes(EVERY_KIND)).toEqual(new Map());
  await here.kernel.applyNat("table inet gatewayd {\n}\n");
  const before = here.lab.ip("nexthop");
  const half = here.kernel.putRoutes(many);
  const refused = expect(half).rejects.toMatchObject({ code: "netd.down" });
  await eventually(
    "it is in the middle of it",
    () => here.lab.ip("route", "show", "proto", "86").length > 100_000,
  );
  process.kill(here.lab.netdPid(), "SIGKILL");
  await refused;
  await expect(readAll(here.kernel)).rejects.toMatchObject({ code: "netd.down" });
  await eventually("it is back", () => ups === 2);
  expect(down).toEqual(["netd ended (SIGKILL)"]);
  const { nat, routes } = await readAll(here.kernel);
  expect(nat).toBe("table inet gatewayd {\n}\n");
  expect(routes.length).toBeGreaterThan(EVERY_KIND.length);
  expect(await here.kernel.putRoutes(wanted)).toEqual(new Map());
  expect(textOf((await readAll(here.kernel)).routes)).toEqual(textOf(wanted));
  expect(here.lab.ip("nexthop")).toBe(before);
  await here.kernel.removeRoutes(wanted.map(({ prefix }) => prefix));
});

kernelTest("killed again and again, it always comes back to what is there", async () => {
  await here.kernel.putRoutes(EVERY_KIND);
  const before = here.lab.state();
  let ups = 0;
  const stop = here.kernel.onUp(() => ups++);
  for (let round = 2; round < 5; round++) {
    process.kill(here.lab.netdPid(), "SIGKILL");
    await eventually("it is back", () => ups === round);
    expect(textOf((await readAll(here.kernel)).routes)).toEqual(textOf(EVERY_KIND));
  }
  expect(here.lab.state()).toBe(before);
  stop();
});

kernelTest("closing ends the process and leaves routes and rules as they are", async () => {
  const other = await here.lab.start({ routeTable: 77 });
  await other.putRoutes(EVERY_KIND);
  const before = here.lab.state();
  const count = here.lab.pids().length;
  await other.close();
  expect(here.lab.pids()).toHaveLength(count - 1);
  expect(here.lab.state()).toBe(before);
  await expect(readAll(other)).rejects.toMatchObject({ code: "netd.down" });
});

kernelTest("a signal to the whole group does not end it", async () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(here.lab.netdPid(), signal);
  expect(await here.kernel.conntrack()).toBeDefined();
});

const NO_LIBRARY = (): string => {
  const path = execFileSync("ldconfig", ["-p"], { encoding: "utf8" }).match(
    /libnftables\.so\.1 .* => (\S+)/,
  )?.[1];
  return `{
    const libc = koffi.load("libc.so.6");
    const unshare = libc.func("int unshare(int)");
    const mount = libc.func("int mount(const char *, const char *, const char *, ulong, void *)");
    const done = unshare(0x20000) || mount("none", "/", null, 0x44000, null)
      || mount("/dev/null", ${JSON.stringify(path)}, null, 0x1000, null);
    if (done !== 0) throw new Error("mount");
  }`;
};
const NO_CAPABILITY = (): string => `{
  const capset = koffi.load("libc.so.6").func("int capset(void *, void *)");
  if (capset(new Uint32Array([0x20080522, 0]), new Uint32Array(6)) !== 0) throw new Error("capset");
}`;

kernelTest.each<[string, () => string, RegExp]>([
  ["libnftables", NO_LIBRARY, /libnftables\.so\.1.*Debian package libnftables1.*kernel: \{ type: none \}/],
  ["CAP_NET_ADMIN", NO_CAPABILITY, /CAP_NET_ADMIN is missing: .*kernel: \{ type: none \}/],
])("without %s it says so, and how to go on", async (_what, prelude, message) => {
  await expect(here.lab.start({ script: here.lab.launcher(prelude()) })).rejects.toMatchObject({
    code: "netd.missing",
    message: expect.stringMatching(message),
  });
});

/** netd with nobody between it and the test. */
class Bare {
  readonly child: ChildProcess;
  readonly frames: Frame[] = [];
  readonly #stream: Duplex;

  constructor(lab: Lab) {
    this.child = spawn(process.execPath, [lab.script, JSON.stringify(SETTINGS)], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    this.#stream = this.child.stdio[3] as Duplex;
    const reader = new FrameReader();
    this.#stream.on("data", (chunk: Buffer) => this.frames.push(...reader.push(chunk)));
  }

  write(octets: Uint8Array): void {
    this.#stream.write(octets);
  }

  /** Asks something harmless, and waits for the answer. */
  async answers(id: number): Promise<void> {
    this.write(encodeFrame(id, CODE.conntrack, Buffer.alloc(0)));
    await eventually(`an answer to ${id}`, () => this.frames.some((frame) => frame.id === id));
  }

  async close(): Promise<void> {
    const ended = once(this.child, "exit");
    this.#stream.destroy();
    await ended;
  }
}

kernelTest("no octets end it: garbage, lengths beyond reason, wrong fields", async () => {
  const bare = new Bare(here.lab);
  const commands = fc.constantFrom(...Object.values(CODE), 0, 255);
  let id = 1_000_000;
  const valid = encodeRoutes(EVERY_KIND, 0, EVERY_KIND.length);
  const huge = Buffer.alloc(12);
  huge.writeUInt32BE(0x67776b31, 0);
  huge.writeUInt32BE(0xffffffff, 4);
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constant(huge),
    fc
      .tuple(commands, fc.uint8Array({ maxLength: 100 }))
      .map(([code, payload]) => encodeFrame(1, code, payload)),
    fc.tuple(commands, fc.json()).map(([code, json]) => encodeFrame(2, code, Buffer.from(json))),
    fc
      .tuple(fc.constantFrom(CODE.putRoutes, CODE.removeRoutes), fc.nat(valid.length - 1), fc.nat(255))
      .map(([code, at, value]) => {
        const payload = Buffer.from(valid);
        payload[at] = value;
        return encodeFrame(3, code, payload);
      }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(octets, { minLength: 1, maxLength: 10 }), async (parts) => {
      for (const part of parts) bare.write(part);
      await bare.answers(id++);
      expect(bare.child.exitCode).toBeNull();
    }),
    { numRuns: 100 },
  );
  await bare.close();
});

kernelTest.each<[string, number, Uint8Array, string]>([
  ["a command that does not exist", 99, Buffer.alloc(0), "no command has the number 99"],
  ["rows without a table", CODE.putRoutes, Buffer.alloc(3), "cut short"],
  ["half a row", CODE.putRoutes, Buffer.from("\0\0\0\u0002[]123"), "rows: 3 octets"],
  ["an interface that is a path", CODE.prepareTaps, encodeJson(["../all"]), "not the name of an interface"],
  ["all interfaces", CODE.prepareTaps, encodeJson(["all"]), "not the name of an interface"],
  ["two families", CODE.forget, encodeJson({ public: "::1", private: "1.2.3.4" }), "two families"],
  ["no JSON", CODE.forget, Buffer.from("{"), "not JSON"],
])("%s is refused by name", async (_name, code, payload, message) => {
  const bare = new Bare(here.lab);
  bare.write(encodeFrame(5, code, payload));
  await eventually("an answer", () => bare.frames.some(({ id }) => id === 5));
  const frame = bare.frames.find(({ id }) => id === 5);
  expect(frame?.code).toBe(CODE.failed);
  expect(frame?.payload.toString()).toContain(message);
  await bare.close();
});

kernelTest("a flood of events is survived: what was lost is read anew", async () => {
  const before = textOf((await readAll(here.kernel)).routes);
  const batch = Array.from(
    { length: 200_000 },
    (_, i) => `route add 30.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 dev d0 proto static`,
  );
  process.kill(here.lab.netdPid(), "SIGSTOP");
  here.lab.batch(batch.join("\n"));
  here.lab.ip("link", "add", "late0", "type", "veth", "peer", "name", "late1");
  const drift: string[] = [];
  here.kernel.onDrift((what) => drift.push(...what));
  process.kill(here.lab.netdPid(), "SIGCONT");
  await eventually("the loss is told", () => drift.includes("routes"));
  await eventually("the link is seen", () => here.kernel.links().some(({ name }) => name === "late0"));
  expect(textOf((await readAll(here.kernel)).routes)).toEqual(before);
  expect(
    await here.kernel.putRoutes([{ prefix: EVERY_KIND[0]!.prefix, target: via("10.0.1.9 d1") }]),
  ).toEqual(new Map());
});
