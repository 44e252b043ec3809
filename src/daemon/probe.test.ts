import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { parseAddress } from "../bgp/net/text.ts";
import type { HealthCheck } from "../model/model.ts";
import { probe } from "./probe.ts";

const LOOPBACK = parseAddress("127.0.0.1")!;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function check(type: "tcp" | "http", port: number): HealthCheck {
  return { type, port, path: "/", intervalMs: 1000, timeoutMs: 300, fall: 3, rise: 2 };
}

test("a TCP member that accepts is good, one that refuses is not", async () => {
  const port = await listening(createServer());
  expect(await probe(LOOPBACK, check("tcp", port))).toEqual({ ok: true });
  servers.splice(0)[0]!.close();
  expect(await probe(LOOPBACK, check("tcp", port))).toMatchObject({ ok: false });
});

test.each([
  [200, true],
  [204, true],
  [302, true],
  [404, false],
  [503, false],
])("an HTTP member that answers %i is good: %s", async (status, ok) => {
  const port = await listening(createHttpServer((_, response) => response.writeHead(status).end()));
  expect((await probe(LOOPBACK, check("http", port))).ok).toBe(ok);
});

test("an HTTP member that accepts and says nothing fails at the timeout", async () => {
  const port = await listening(createServer());
  expect(await probe(LOOPBACK, check("http", port))).toEqual({ ok: false, error: "no answer within 300 ms" });
});
