import { lstat, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
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

/** The status of GET: over the socket, or at a URL. */
function statusOf(path: string, url?: string, host?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { agent: false as const, path, ...(host === undefined ? {} : { headers: { host } }) };
    const asked = url === undefined ? request({ ...options, socketPath }) : request(url, options);
    asked.on("response", (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end();
  });
}

describe("the socket file", () => {
  test("belongs to owner and group alone, and goes with the API", async () => {
    await start();
    expect((await lstat(socketPath)).mode & 0o777).toBe(0o660);
    await apis[0]!.close();
    await expect(lstat(socketPath)).rejects.toThrow("ENOENT");
  });

  test("of a dead daemon is replaced", async () => {
    await start();
    await rm(socketPath);
    const stale = createServer().listen(socketPath);
    await new Promise((resolve) => stale.once("listening", resolve));
    // A handle that closes without unlinking is what kill -9 leaves.
    await rename(socketPath, `${socketPath}.kept`);
    await new Promise((resolve) => stale.close(resolve));
    await rename(`${socketPath}.kept`, socketPath);
    await start();
    expect(await statusOf("/healthz")).toBe(200);
  });

  test("of a living one is refused and goes on answering", async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ detail: { code: "socket.inUse", where: socketPath } });
    expect(await statusOf("/healthz")).toBe(200);
  });

  test("is never put in the place of another file", async () => {
    const file = join(directory, "notes.txt");
    await writeFile(file, "mine");
    await expect(start({ socketPath: file })).rejects.toMatchObject({
      detail: { code: "socket.notASocket" },
    });
    expect((await lstat(file)).isFile()).toBe(true);
  });

  test("with a name that the kernel would cut is refused", async () => {
    const long = join(directory, "x".repeat(108));
    await expect(start({ socketPath: long })).rejects.toMatchObject({
      detail: { code: "socket.tooLong" },
    });
  });
});

describe("TCP", () => {
  const tcp = { host: "127.0.0.1", port: 0 };
  test("answers the same on loopback", async () => {
    const [, url = ""] = await start({ tcp });
    expect(await statusOf("/api/v1/peers", url)).toBe(200);
  });

  test.each<[string, number]>([
    ["localhost", 200],
    ["127.0.0.1:9696", 200],
    ["[::1]:9696", 200],
    ["rebound.example", 403],
  ])("Host: %s is %i", async (host, code) => {
    const [, url = ""] = await start({ tcp });
    expect(await statusOf("/api/v1/peers", url, host)).toBe(code);
  });

  test("is refused elsewhere without TLS, and leaves no socket behind", async () => {
    await expect(start({ tcp: { host: "0.0.0.0", port: 0 } })).rejects.toMatchObject({
      detail: { code: "tcp.withoutTls" },
    });
    await expect(lstat(socketPath)).rejects.toThrow("ENOENT");
  });

  test("a taken port is named", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    await expect(start({ tcp: { host: "127.0.0.1", port } })).rejects.toMatchObject({
      detail: { code: "failed", where: `127.0.0.1:${port}` },
    });
    other.close();
  });
});
