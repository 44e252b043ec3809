import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sampleSource } from "./sample.ts";
import { type Api, type ApiOptions, createApi } from "./server.ts";

let directory: string;
let socketPath: string;
let apis: Api[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-api-"));
  socketPath = join(directory, "run", "gatewayd.sock");
  apis = [];
});
afterEach(async () => {
  await Promise.all(apis.map((api) => api.close()));
  await rm(directory, { recursive: true });
});

async function start(options: Partial<ApiOptions> = {}): Promise<readonly string[]> {
  const api = createApi(sampleSource(), { socketPath, log: () => undefined, ...options });
  apis.push(api);
  return await api.listen();
}

/** The status of GET: over the socket. */
function statusOf(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent: false, path, socketPath });
    asked.on("response", (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end();
  });
}

function raw(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => resolve(socket));
    socket.on("error", () => socket.destroy());
  });
}

/** All that it sends until it closes. */
function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("close", () => resolve(text));
  });
}

describe("the slow do not keep it busy", () => {
  test.each<[string, string]>([
    ["says nothing", ""],
    ["stops within the header", "GET /api/v1/peers HTTP/1.1\r\nHost: gw"],
    ["stops within the body", "POST /api/v1/peers HTTP/1.1\r\nHost: gw\r\nContent-Length: 9\r\n\r\n{"],
  ])("a client that %s is closed in time", async (_name, octets) => {
    await start({ limits: { headerMs: 50, requestMs: 100 } });
    const socket = await raw();
    socket.write(octets);
    expect(await untilClosed(socket)).toMatch(/^$|^HTTP\/1.1 40[58] /);
  });

  test("a client that drips a header, octet by octet, is closed in time", async () => {
    await start({ limits: { headerMs: 50, requestMs: 100 } });
    const socket = await raw();
    socket.write("GET /api/v1/peers HTTP/1.1\r\nX: ");
    const drip = setInterval(() => socket.write("x"), 5);
    expect(await untilClosed(socket)).toMatch(/^$|"request.timeout"/);
    clearInterval(drip);
  });

  test("a client that does not read its answers loses its place in time", async () => {
    await start({ limits: { silentMs: 100, connections: 1 } });
    const socket = await raw();
    socket.pause();
    socket.write("GET /api/v1/peers HTTP/1.1\r\nHost: gw\r\n\r\n".repeat(5000));
    await expect.poll(() => statusOf("/healthz").catch(() => 0), { timeout: 5000 }).toBe(200);
    socket.destroy();
  });
});

describe("what is too much is not taken", () => {
  test("100 MB of body are not read", async () => {
    await start();
    const before = process.memoryUsage().rss;
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write("POST /api/v1/peers HTTP/1.1\r\nHost: gw\r\nContent-Length: 104857600\r\n\r\n");
    const chunk = Buffer.alloc(65_536);
    const pump = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", pump);
    pump();
    expect(await closed).toMatch(/^$|^HTTP\/1.1 413 .*"body.tooLarge"/s);
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
    expect(await statusOf("/healthz")).toBe(200);
  });

  test("a body without a length is not waited for", async () => {
    await start();
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write("GET /healthz HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n");
    expect(await closed).toMatch(/^HTTP\/1.1 200 .*connection: close/is);
  });

  test.each<[string, string, string]>([
    ["nonsense", "\u0000\u0001 gopher\r\n\r\n", "request.malformed"],
    ["a huge header", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "header.tooLarge"],
  ])("%s is answered in our own words", async (_name, octets, code) => {
    await start();
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write(octets);
    expect(await closed).toContain(`"code":"${code}"`);
  });

  test("connections beyond the limit are closed, the others served", async () => {
    await start({ limits: { connections: 2 } });
    const first = await raw();
    const second = await raw();
    const third = await raw();
    expect(await untilClosed(third)).toBe("");
    second.destroy();
    await untilClosed(second);
    const answered = untilClosed(first);
    first.write("GET /healthz HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
    expect(await answered).toContain("200 OK");
  });

  test("close() does not wait for a client that never finishes", async () => {
    await start({ limits: { closeMs: 50 } });
    const socket = await raw();
    socket.write("GET /api/v1/peers HTTP/1.1\r\nHost: gw");
    const closed = untilClosed(socket);
    await apis[0]!.close();
    expect(await closed).toBe("");
  });
});
