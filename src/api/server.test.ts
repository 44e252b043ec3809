import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Sample, sampleSource } from "./sample.ts";
import type { PeerAnswer } from "./schema.ts";
import { type Api, type ApiOptions, createApi } from "./server.ts";
import type { ApiSource, PeerRequest } from "./source.ts";

let directory: string;
let socketPath: string;
let apis: Api[];
let logged: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-api-"));
  socketPath = join(directory, "run", "gatewayd.sock");
  apis = [];
  logged = [];
});
afterEach(async () => {
  await Promise.all(apis.map((api) => api.close()));
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: unknown;
}

async function start(
  source: ApiSource | Partial<Sample> = {},
  options: Partial<ApiOptions> = {},
): Promise<readonly string[]> {
  const api = createApi(
    "status" in source && typeof source.status === "function"
      ? (source as ApiSource)
      : sampleSource(source as Partial<Sample>),
    {
      socketPath,
      log: (message) => logged.push(message),
      ...options,
    },
  );
  apis.push(api);
  return await api.listen();
}

function ask(path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const json = String(incoming.headers["content-type"]).startsWith("application/json") && text !== "";
        resolve({
          code: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          body: json ? JSON.parse(text) : undefined,
        });
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

const errorCode = (answer: Answer): unknown => (answer.body as { error?: { code?: string } }).error?.code;

describe("every path answers what the source says", () => {
  const source = sampleSource();
  test.each<[string, () => unknown]>([
    ["/api/v1/status", () => source.status()],
    ["/api/v1/peers", () => source.peers()],
    ["/api/v1/nat", () => source.nat()],
    ["/api/v1/nat/who?address=198.51.100.10&port=3127", () => source.natWho({ address: "", port: 0 })],
    [
      "/api/v1/nat/who?address=198.51.100.10&port=0&at=2026-11-17",
      () => source.natWho({ address: "", port: 0 }),
    ],
    [
      "/api/v1/nat/block?address=10.65.0.2&at=2026-11-17T12:00:00%2B01:00",
      () => source.natBlock({ address: "" }),
    ],
    ["/api/v1/nat/sessions?private=10.65.0.2&protocol=tcp&limit=10", () => source.natSessions({ limit: 1 })],
    ["/api/v1/nat/pools", () => source.natPools()],
    ["/api/v1/anycast", () => source.anycast()],
    ["/api/v1/monitors", () => source.monitors()],
    ["/api/v1/store", () => source.store()],
    ["/api/v1/floatingips", () => source.floatingIps()],
    ["/api/v1/rpki", () => source.rpki()],
    ["/api/v1/rpki/prefix?prefix=192.0.2.0/24&asn=64513", () => source.rpkiPrefix({ prefix: "" })],
  ])("%s", async (path, expected) => {
    await start();
    expect(await ask(path)).toMatchObject({ code: 200, body: await expected() });
  });

  test.each<[string, number, readonly string[]]>([
    ["/api/v1/routes", 6, ["0.0.0.0/0"]],
    ["/api/v1/routes?kind=anycast", 1, ["192.0.2.53/32"]],
    ["/api/v1/routes?prefix=203.0.113.0/24", 1, ["203.0.113.0/24"]],
    ["/api/v1/routes?local=true&limit=10000", 3, ["172.16.1.3/32"]],
    ["/api/v1/routes?prefix=2001:db8::/32", 0, []],
    ["/api/v1/announcements?kind=pool", 1, ["198.51.100.10/32"]],
    ["/api/v1/announcements?peer=198.51.100.2", 4, ["172.16.1.3/32"]],
    ["/api/v1/announcements?peer=198.51.100.3", 0, []],
  ])("%s gives %i", async (path, count, first) => {
    await start();
    const { code, body } = await ask(path);
    const list = body as { prefix: string }[];
    expect([code, list.length]).toEqual([200, count]);
    expect(list.slice(0, 1).map((r) => r.prefix)).toEqual(first);
  });

  test("an IPv6 address is compared by value, not by spelling", async () => {
    const [peer] = await source.peers();
    await start({ peers: [{ ...peer!, address: "2001:db8::1" }] });
    expect((await ask("/api/v1/peers?peer=2001:DB8:0:0::1")).body).toMatchObject([
      { address: "2001:db8::1" },
    ]);
  });

  test("texts of peers cannot steer a terminal that shows the JSON, and stay the same text", async () => {
    const text = "\u001b[2J\u009b31m\u202egnp.exe\u007f ü 東";
    const [peer] = await source.peers();
    await start({ peers: [{ ...peer!, description: text }] });
    const answer = await ask("/api/v1/peers");
    expect(answer.body).toMatchObject([{ description: text }]);
    expect(answer.text).not.toMatch(/\p{Cc}|\u202e/u);
    expect(answer.text).toContain("ü 東");
  });
});

describe("readiness", () => {
  test("healthz is good as soon as it answers", async () => {
    await start({ reasons: ["routes"] });
    expect(await ask("/healthz")).toMatchObject({ code: 200 });
  });
  test.each<[readonly string[], number]>([
    [[], 200],
    [["the kernel has not acknowledged the NAT table"], 503],
  ])("readyz with reasons %j is %i", async (reasons, code) => {
    await start({ reasons });
    expect(await ask("/readyz?probe=1")).toMatchObject({ code, body: { ready: code === 200, reasons } });
  });
  test("metrics go out with their own media type", async () => {
    const source = {
      ...sampleSource(),
      metrics: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "up 1\n" }),
    };
    await start(source);
    expect(await ask("/metrics")).toMatchObject({
      code: 200,
      text: "up 1\n",
      headers: { "content-type": "text/plain; version=0.0.4" },
    });
  });
});

describe("pages", () => {
  test.each(["/api/v1/routes?limit=4&kind=other", "/api/v1/floatingips?limit=4", "/api/v1/peers?limit=4"])(
    "%s: following the links gives every item once, in order",
    async (first) => {
      const [route] = (await sampleSource().routes({ limit: 1 })).items;
      const [floating] = await sampleSource().floatingIps();
      const [peer] = await sampleSource().peers();
      const addresses = Array.from({ length: 10 }, (_, i) => `192.0.2.${i}`);
      await start({
        routes: addresses.map((a) => ({ ...route!, kind: "other", prefix: `${a}/32` })),
        floatingIps: addresses.map((address) => ({ ...floating!, address })),
        peers: addresses.map((address) => ({ ...peer!, address })),
      });
      const seen: string[] = [];
      let url: string | undefined = first;
      for (let page = 0; url !== undefined && page < 5; page++) {
        const { headers, body }: Answer = await ask(url);
        const { link } = headers;
        seen.push(
          ...(body as { prefix?: string; address?: string }[]).map((i) => i.address ?? i.prefix ?? ""),
        );
        url = /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1];
      }
      expect(seen.map((text) => text.replace("/32", ""))).toEqual(addresses);
    },
  );
});

describe("what is refused says why", () => {
  test.each<[string, number, string, string]>([
    ["/api/v1/rpki/prefix", 400, "request.invalid", "prefix"],
    ["/api/v1/nat/sessions?private=vm-a", 400, "request.invalid", "private"],
    ["/api/v1/nat/sessions?protocol=256", 400, "request.invalid", "protocol"],
    ["/api/v1/nat/sessions?protocol=constructor", 400, "request.invalid", "protocol"],
    ["/api/v1/nat/top?limit=10001", 400, "request.invalid", "limit"],
    ["/api/v1/nat/who?port=1", 400, "request.invalid", "address"],
    ["/api/v1/nat/who?address=198.51.100.10", 400, "request.invalid", "port"],
    ["/api/v1/nat/who?address=198.51.100.10&port=65536", 400, "request.invalid", "port"],
    ["/api/v1/nat/who?address=198.51.100.10&port=1&at=yesterday", 400, "request.invalid", "at"],
    ["/api/v1/nat/who?address=198.51.100.10&port=1&at=2026-11-17T12:00:00", 400, "request.invalid", "at"],
    ["/api/v1/nat/block?address=2001:db8::1", 400, "request.invalid", "address"],
    ["/api/v1/rpki/prefix?prefix=10.0.0.0/8&asn=0", 400, "request.invalid", "asn"],
    ["/api/v1/routes?limit=0", 400, "request.invalid", "limit"],
    ["/api/v1/routes?limit=10001", 400, "request.invalid", "10000"],
    ["/api/v1/routes?limit=1&limit=2", 400, "request.invalid", "once"],
    ["/api/v1/routes?after=%1b%5b2J", 400, "request.invalid", "after"],
    ["/api/v1/floatingips?after=1.2.3.4", 400, "request.invalid", "after"],
    ["/api/v1/routes?prefix=10.0.0.0/33", 400, "request.invalid", "prefix"],
    ["/api/v1/routes?prefix=fe80::1%25eth0", 400, "request.invalid", "prefix"],
    ["/api/v1/routes?kind=floatin", 400, "request.invalid", "floating"],
    ["/api/v1/routes?local=yes", 400, "request.invalid", "true or false"],
    ["/api/v1/announcements?peer=tor/1", 400, "request.invalid", "peer"],
    ["/api/v1/announcements?peer=fe80::1%25eth0", 404, "peer.unknown", "fe80::1%eth0"],
    ["/api/v1/announcements?peer=eth0", 404, "peer.unknown", "eth0"],
    ["/api/v1/announcements?peer=203.0.113.9", 404, "peer.unknown", "203.0.113.9"],
    ["/api/v1/peers?peer=203.0.113.9", 404, "peer.unknown", "203.0.113.9"],
    ["/api/v1/status?verbose=1", 400, "request.invalid", "verbose"],
    ["/api/v1/peer", 404, "path.unknown", "/api/v1/peers"],
    ["/", 404, "path.unknown", "/api/v1/status"],
    ["/%zz", 400, "request.malformed", "zz"],
  ])("GET %s: %i %s", async (path, code, wanted, word) => {
    await start();
    const answer = await ask(path);
    expect([answer.code, errorCode(answer)]).toEqual([code, wanted]);
    expect(answer.text).toContain(word);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])("%s changes nothing and is told so", async (method) => {
    await start();
    const answer = await ask("/api/v1/peers", method);
    expect([answer.code, errorCode(answer), answer.headers.allow]).toEqual([
      405,
      "method.refused",
      "GET, HEAD",
    ]);
  });

  test("a source that fails: no word of it goes out, all of it is logged", async () => {
    const source: ApiSource = {
      ...sampleSource(),
      nat: () => {
        throw new Error("secret /etc/gatewayd/key");
      },
    };
    await start(source);
    const answer = await ask("/api/v1/nat");
    expect([answer.code, errorCode(answer), logged]).toEqual([500, "internal", ["api answer failed"]]);
    expect(answer.text).not.toMatch(/secret|\bat /);
    expect((await ask("/api/v1/peers")).code).toBe(200);
  });
});

test("each answer is counted under its path, never under what a client invented", async () => {
  const counted: [string, number][] = [];
  await start({}, { onAnswer: (route, code) => counted.push([route, code]) });
  await ask("/api/v1/peers?peer=198.51.100.2");
  await ask("/api/v1/peers?peer=x/y");
  await ask(`/${"x".repeat(50)}`);
  await expect
    .poll(() => counted)
    .toEqual([
      ["/api/v1/peers", 200],
      ["/api/v1/peers", 400],
      ["unknown", 404],
    ]);
});

describe("stop", () => {
  const stopped: unknown[] = [];
  const control = {
    stop: (request: unknown) => {
      stopped.push(request);
      return { stopping: true, pid: 17 } as const;
    },
    order: () => undefined,
  };
  beforeEach(() => stopped.splice(0));

  test.each<[string, unknown]>([
    ["/api/v1/stop", { graceful: false }],
    ["/api/v1/stop?graceful=true", { graceful: true }],
    ["/api/v1/stop?graceful=false&text=rack%207", { graceful: false, text: "rack 7" }],
  ])("POST %s", async (path, request) => {
    await start({}, { control });
    expect(await ask(path, "POST")).toMatchObject({ code: 202, body: { stopping: true, pid: 17 } });
    expect(stopped).toEqual([request]);
  });

  test.each<[string, string, number, string]>([
    ["GET", "/api/v1/stop", 405, "method.refused"],
    ["POST", "/api/v1/stop?text=", 400, "request.invalid"],
    ["POST", `/api/v1/stop?text=${"%C3%BC".repeat(128)}`, 400, "request.invalid"],
    ["POST", "/api/v1/stop?graceful=yes", 400, "request.invalid"],
    ["POST", "/api/v1/stop?force=true", 400, "request.invalid"],
  ])("%s %s is refused", async (method, path, code, error) => {
    await start({}, { control });
    const answer = await ask(path, method);
    expect([answer.code, errorCode(answer)]).toEqual([code, error]);
    expect(stopped).toEqual([]);
  });

  test("nobody can do it over TCP: a page in a browser on this machine could", async () => {
    const [, url] = await start({}, { control, tcp: { host: "127.0.0.1", port: 0 } });
    expect((await fetch(`${url}/api/v1/stop`, { method: "POST" })).status).toBe(405);
    expect(stopped).toEqual([]);
  });
});

describe("orders to a peer", () => {
  const orders: unknown[] = [];
  const control = {
    stop: () => ({ stopping: true, pid: 17 }) as const,
    order: (request: PeerRequest) => {
      orders.push(request);
      return peerOf(request.peer);
    },
  };
  const known = sampleSource().peers() as readonly PeerAnswer[];
  const peerOf = (address: string): PeerAnswer | undefined => known.find((peer) => peer.address === address);
  beforeEach(() => orders.splice(0));

  test.each<[string, unknown]>([
    ["shutdown?peer=198.51.100.2", { order: "shutdown" }],
    ["shutdown?peer=198.51.100.2&text=rack%207", { order: "shutdown", text: "rack 7" }],
    ["start?peer=198.51.100.2", { order: "start" }],
    ["reset?peer=198.51.100.2&text=x", { order: "reset", text: "x" }],
    ["refresh?peer=198.51.100.2", { order: "refresh" }],
  ])("POST %s", async (path, request) => {
    await start({}, { control });
    expect(await ask(`/api/v1/peer/${path}`, "POST")).toMatchObject({
      code: 202,
      body: { address: "198.51.100.2" },
    });
    expect(orders).toEqual([{ peer: "198.51.100.2", ...(request as object) }]);
  });

  test.each<[string, string, number, string]>([
    ["GET", "shutdown?peer=198.51.100.2", 405, "method.refused"],
    ["POST", "shutdown", 400, "request.invalid"],
    ["POST", "shutdown?peer=gw/1", 400, "request.invalid"],
    ["POST", "shutdown?peer=198.51.100.2&text=", 400, "request.invalid"],
    ["POST", `reset?peer=198.51.100.2&text=${"%C3%BC".repeat(128)}`, 400, "request.invalid"],
    ["POST", "start?peer=198.51.100.2&text=x", 400, "request.invalid"],
    ["POST", "start?peer=203.0.113.9", 404, "peer.unknown"],
    ["POST", "explode?peer=198.51.100.2", 404, "path.unknown"],
  ])("%s %s is refused", async (method, path, code, error) => {
    await start({}, { control });
    const answer = await ask(`/api/v1/peer/${path}`, method);
    expect([answer.code, errorCode(answer)]).toEqual([code, error]);
  });

  test("nobody can give them over TCP", async () => {
    const [, url] = await start({}, { control, tcp: { host: "127.0.0.1", port: 0 } });
    const { status } = await fetch(`${url}/api/v1/peer/shutdown?peer=198.51.100.2`, { method: "POST" });
    expect([status, orders]).toEqual([405, []]);
  });
});

describe("alice-lg is answered as by a birdwatcher", () => {
  test("in its envelope", async () => {
    await start();
    const { body } = await ask("/birdwatcher/status");
    expect(body).toEqual({
      api: {
        Version: expect.any(String),
        result_from_cache: false,
        cache_status: { cached_at: expect.objectContaining({ date: expect.any(String) }) },
      },
      ttl: expect.any(String),
      status: sampleSource().birdwatcher.status(),
    });
    expect((await ask("/birdwatcher/protocols/short?uncached=true")).body).toMatchObject({ protocols: {} });
    expect((await ask("/birdwatcher/routes/prefix?prefix=192.0.2.0/24")).body).toMatchObject({ routes: [] });
  });

  test.each([
    ["/birdwatcher/routes/protocol/nobody", "peer.unknown"],
    ["/birdwatcher/routes/filtered/nobody", "peer.unknown"],
    ["/birdwatcher/routes/prefix", "request.invalid"],
    ["/birdwatcher/routes/prefix?prefix=x", "request.invalid"],
    ["/birdwatcher/routes/noexport/nobody", "path.unknown"],
  ])("%s: %s", async (path, code) => {
    await start();
    expect(errorCode(await ask(path))).toBe(code);
  });
});

test("a file of the table comes as it was made, piece by piece", async () => {
  const mrtTable = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)];
  await start({ mrtTable });
  const { headers, text } = await ask("/api/v1/mrt/table");
  expect([headers["content-type"], text]).toEqual(["application/octet-stream", "\u0001\u0002\u0003\u0004"]);
  expect(errorCode(await ask("/api/v1/mrt/table?x=1"))).toBe("request.invalid");
});
