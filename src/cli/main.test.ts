import { chmod } from "node:fs/promises";
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Sample, sampleSource } from "../api/sample.ts";
import { samplePeer } from "../api/sample-peers.ts";
import { createApi } from "../api/server.ts";
import { Place } from "./testing/place.ts";

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.remove());

const serve = (sample: Partial<Sample> = {}): Promise<string> =>
  place.serve(createApi(sampleSource(sample), place.options));

describe("other forms", () => {
  test("JSON is what the API says, octet for octet", async () => {
    const url = await serve();
    for (const list of ["peers", "routes", "announcements", "floatingips", "nat", "anycast", "status"]) {
      const { exit, out } = await place.gwctl(`show ${list} -o json --url ${url}`, { env: {} });
      expect([exit, out]).toEqual([0, `${await (await fetch(`${url}/api/v1/${list}`)).text()}\n`]);
    }
  });

  test("YAML says the same", async () => {
    const text = "\u001b[2J\u009b \u202e: ü\n\ttwo";
    await serve({ peers: [samplePeer({ description: text })] });
    const { out } = await place.gwctl("show peers -o yaml");
    expect(parse(out)).toEqual([samplePeer({ description: text })]);
  });

  test.each<[string, Record<string, string>, boolean, boolean]>([
    ["a terminal", {}, true, true],
    ["a pipe", {}, false, false],
    ["NO_COLOR", { NO_COLOR: "1" }, true, false],
    ["an empty NO_COLOR", { NO_COLOR: "" }, true, true],
    ["a dumb terminal", { TERM: "dumb" }, true, false],
  ])("colour with %s", async (_name, env, isTTY, colored) => {
    await serve();
    let out = "";
    const stdout = { isTTY, columns: 80, write: (text: string) => (out += text) };
    await place.gwctl("show peers", { stdout, env: { ...env, GWCTL_SOCKET: place.socketPath } });
    expect(out.includes("\u001b[32m1\u001b[39m")).toBe(colored);
  });

  test("pages: one of them with a word on stderr, or all of them as one", async () => {
    await serve();
    const one = await place.gwctl("show routes --limit 4 -o json");
    expect([JSON.parse(one.out).length, one.err]).toEqual([4, expect.stringContaining("--all")]);
    const [route] = (await sampleSource().routes({ limit: 1 })).items;
    await Promise.all(place.opened.splice(0).map((api) => api.close()));
    await serve({
      routes: Array.from({ length: 10_001 }, (_, i) => ({
        ...route!,
        prefix: `2001:db8::${i.toString(16)}/128`,
      })),
    });
    const all = await place.gwctl("show routes --all -o json");
    expect([JSON.parse(all.out).length, all.err]).toEqual([10_001, ""]);
    expect((await place.gwctl("show routes --all --no-headers")).out.split("\n")).toHaveLength(10_002);
  });
});

describe("abbreviation", () => {
  test.each<[string, string]>([
    ["s p", "show peers"],
    ["show peer", "show peers"],
    ["s ro 192.0.2.53/32", "show route 192.0.2.53/32"],
    ["s ann", "show announcements"],
    ["--socket SOCKET s st", "show status"],
    ["s f -o json", "show floatingips -o json"],
    ["-o json s na", "show nat -o json"],
  ])("gwctl %s is gwctl %s", async (short, long) => {
    await serve();
    expect(await place.gwctl(short.replace("SOCKET", place.socketPath))).toEqual(await place.gwctl(long));
  });
});

describe("exit status", () => {
  test.each<[string, number, string]>([
    ["show peers", 0, ""],
    ["--version", 0, ""],
    ["show peers --help", 0, ""],
    ["help show", 0, ""],
    ["", 2, "Usage: gwctl"],
    ["show", 2, "announcements"],
    ["show pears", 2, "peers"],
    ["sow peers", 2, "unknown command"],
    ["status", 2, "hint: gwctl show status"],
    ["show a", 2, "announcements, advertised, anycast"],
    ["show peers --output xml", 2, "Allowed choices"],
    ["show peers -w 0", 2, "seconds"],
    ["show peers --url ftp://x", 2, "http://"],
    ["show peers --url http://127.0.0.1:1 --socket /x", 2, "cannot be used with"],
    ["show peers one two", 2, "too many arguments"],
    ["show peer tor/1", 2, "neither an IP address nor an interface"],
    ["show routes --kind flaoting", 2, "floating, public"],
    ["show routes --limit 0", 2, "limit"],
    ["show route 10.0.0.0/33", 2, "prefix"],
    ["show peer 203.0.113.9", 3, "gwctl show peers"],
    ["show route 203.0.113.9", 3, "no route to 203.0.113.9"],
    ["show announcements --peer 203.0.113.9", 3, "no peer"],
    [
      "show peers --socket /nonexistent/gatewayd.sock",
      5,
      "/nonexistent/gatewayd.sock: there is no such socket",
    ],
    ["show peers --url http://127.0.0.1:1", 5, "is gatewayd running, and does"],
  ])("gwctl %s: %i", async (line, exit, words) => {
    await serve();
    const run = await place.gwctl(line);
    expect([run.exit, run.out === ""]).toEqual([exit, exit !== 0]);
    expect(run.err).toContain(words);
    if (exit === 0) expect(run.err).toBe("");
  });

  test("5: the socket of a daemon that is gone says that nobody listens", async () => {
    await serve();
    const api = place.opened.pop()!;
    await api.close();
    expect(await place.gwctl("show peers")).toMatchObject({
      exit: 5,
      err: expect.stringContaining("gatewayd cannot be reached"),
    });
  });

  test("1: what answers is something else", async () => {
    const other = createServer((_request, response) => response.end("<html>")).listen(place.socketPath);
    place.opened.push(other);
    await new Promise((resolve) => other.once("listening", resolve));
    expect(await place.gwctl("show peers")).toMatchObject({
      exit: 1,
      err: expect.stringContaining("is not gatewayd"),
    });
  });

  test("5: a socket that one may not open says so", async () => {
    await serve();
    await chmod(place.directory, 0o755);
    await chmod(place.socketPath, 0);
    const asRoot = process.geteuid?.() === 0;
    // Root may open any socket, so root looks with another's eyes.
    if (asRoot) process.seteuid?.(65_534);
    const run = await place.gwctl("show peers").finally(() => (asRoot ? process.seteuid?.(0) : undefined));
    expect(run).toMatchObject({ exit: 5, err: expect.stringContaining("permission denied") });
    expect(run.err).toContain("hint: run gwctl as root");
  });
});

describe("watching", () => {
  test("goes on through a restart of gatewayd, and Ctrl-C ends it well", async () => {
    await serve();
    const interrupt = new AbortController();
    const frames: string[] = [];
    const errors: string[] = [];
    const stdout = { write: (text: string) => frames.push(text) };
    const stderr = { write: (text: string) => errors.push(text) };
    const watching = place.gwctl("show peers -o json -w 0.1", { stdout, stderr, signal: interrupt.signal });
    await expect.poll(() => frames.length).toBeGreaterThan(1);
    await place.opened.pop()!.close();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await serve();
    const before = frames.length;
    await expect.poll(() => frames.length).toBeGreaterThan(before);
    interrupt.abort();
    expect((await watching).exit).toBe(0);
    expect(frames.every((frame) => JSON.parse(frame).length === 2)).toBe(true);
  });

  test("a watch that never worked ends at once", async () => {
    expect((await place.gwctl("--watch show peers")).exit).toBe(5);
  });

  test("a terminal is cleared between two frames", async () => {
    await serve();
    const interrupt = new AbortController();
    const frames: string[] = [];
    const stdout = { isTTY: true, columns: 80, write: (text: string) => frames.push(text) };
    const watching = place.gwctl("-w 0.1 show nat", { stdout, signal: interrupt.signal });
    await expect.poll(() => frames.length).toBeGreaterThan(1);
    interrupt.abort();
    await watching;
    expect(frames[1]).toMatch(/^\p{Cc}\[H\p{Cc}\[2JProgrammed/u);
  });
});
