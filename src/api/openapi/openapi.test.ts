import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EventFeed } from "../events.ts";
import { sampleSource } from "../sample.ts";
import { createApi } from "../server.ts";
import { answer, text } from "./answer.ts";
import { openApi } from "./document.ts";
import { OPERATIONS } from "./operations.ts";
import { wrongAnswers } from "./testing/every-answer.ts";

interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { operationId: string; parameters: { name: string }[] }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const nobody = (): never => {
  throw new TypeError("nobody asks");
};

const document = openApi("1.2.3") as Document;

test("the document has every operation, each with a name of its own", () => {
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(ids.toSorted()).toEqual(OPERATIONS.map(({ id }) => id).toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  expect([document.openapi, document.info.version]).toEqual(["3.1.0", "1.2.3"]);
});

test("everything that it refers to is there, and nothing else", () => {
  const referred = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name!,
  );
  expect([...new Set(referred)].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
});

test("parameters are those that the paths take", () => {
  const named = (path: string): string[] => document.paths[path]!["get"]!.parameters.map(({ name }) => name);
  expect(named("/api/v1/routes")).toEqual(["prefix", "kind", "local", "limit", "after"]);
  expect(named("/api/v1/status")).toEqual([]);
  expect(document.paths["/api/v1/errors"]!["get"]!.parameters).toEqual([
    { name: "peer", in: "query", required: true, schema: { type: "string" } },
  ]);
});

test("every answer of the server is as described", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gatewayd-openapi-"));
  const socketPath = join(directory, "gw.sock");
  const events = new EventFeed("run");
  events.add({ event: "api.listen", level: "info", time: "2026-11-22T10:00:00.000Z", at: [socketPath] });
  const own = { list: () => [{ name: "default", origin: "file" } as const], put: nobody, remove: nobody };
  const api = createApi(sampleSource(), { socketPath, log: () => undefined, events, own });
  await api.listen();
  const ask = (path: string): Promise<{ status: number; json: unknown }> =>
    new Promise((resolve, reject) => {
      const asked = request({ socketPath, path, agent: false }, (incoming) => {
        let body = "";
        incoming.setEncoding("utf8").on("data", (more: string) => {
          body += more;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, json: JSON.parse(body) }));
      });
      asked.on("error", reject).end();
    });
  try {
    expect(await wrongAnswers({ peer: "198.51.100.2", address: "172.16.1.3" }, ask)).toEqual({});
    expect((await ask("/api/v1/openapi.json")).json).toMatchObject({ openapi: "3.1.0" });
  } finally {
    await api.close();
    await rm(directory, { recursive: true });
  }
});

test("a member that is not described, or is missing, is found", () => {
  const schema = answer<{ readonly a: string; readonly b?: string }>({ a: text }, { b: text });
  for (const [value, isGood] of [
    [{ a: "x" }, true],
    [{ a: "x", b: "y" }, true],
    [{ b: "y" }, false],
    [{ a: "x", b: undefined }, false],
    [{ a: "x", c: "z" }, false],
  ] as const) {
    expect([value, schema.safeParse(value).success]).toEqual([value, isGood]);
  }
});
