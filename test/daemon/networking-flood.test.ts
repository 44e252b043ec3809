/** A client of the API that means no good, while a peer just wants to route. */

import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { wrongAnswers } from "../../src/api/openapi/testing/every-answer.ts";
import { main } from "../../src/cli/main.ts";
import { parsePeople } from "../../src/identity/people.ts";
import { issue } from "../../src/identity/tokens.ts";
import { gatewayFile } from "./gateway-file.ts";
import { GoodPeer } from "./good-peer.ts";
import { type Daemon, eventually, Lab, PORT } from "./lab.ts";

const OURS = 65_000;
const PEER = 64_513;
const API_PORT = 17_914;

let lab: Lab;
let gateway: Daemon;
let peer: GoodPeer;

const TOKENS = new Map<string, string>();

beforeAll(async () => {
  lab = new Lab();
  const peers = [{ address: lab.address(2), asn: PEER, passive: true }];
  const password = lab.write("password", "sesame\n");
  for (const [name, project] of [
    ["alice", "web"],
    ["bob", "db"],
  ]) {
    const words = ["user", "set", name!, "--project", project!, "--file", lab.path("tokens")];
    expect(await main([...words, "--password-file", password], io(), "0.1.0")).toBe(0);
  }
  // With a store, tokens are good over a restart: their key is of the file alone.
  const store = { type: "local", path: lab.path("store") };
  const listen = `${lab.address(1)}:${API_PORT}`;
  const api = { socket: lab.path("gw.sock"), listen, tokensFile: lab.path("tokens") };
  const file = gatewayFile(lab, "gw", { peers, sections: { api, store } });
  gateway = await lab.start(lab.write("gw.yaml", file), lab.path("gw.sock"));
  const people = parsePeople(readFileSync(lab.path("tokens"), "utf8"));
  const now = Math.floor(Date.now() / 1000);
  for (const user of people.users) {
    const project = people.projects.find(({ id }) => Object.hasOwn(user.roles, id))!;
    TOKENS.set(user.name, issue(people, user, project, now));
    TOKENS.set(`${user.name} of yesterday`, issue(people, user, project, now - 90_000, now - 86_400));
    TOKENS.set(`${user.name} by another key`, issue({ ...people, secret: "eHh4" }, user, project, now));
  }
  const side = { gateway: { address: lab.address(1), port: PORT, asn: OURS } };
  peer = await GoodPeer.start({ ...side, address: lab.address(2), asn: PEER });
  peer.announce("203.0.113.0/24");
  await gateway.established(lab.address(2));
  await gateway.logged("gateway.ready");
});
afterAll(async () => {
  await peer?.stop();
  await lab?.remove();
});

/** Whatever was done: the session is the one that it was. */
afterEach(async () => {
  expect(await gateway.peer(lab.address(2))).toMatchObject({ state: "established", flaps: 0 });
  expect(peer.flaps).toBe(0);
  expect(gateway.events("gateway.crashed")).toEqual([]);
});

const nothing = { write: (): boolean => true };
const io = (): Parameters<typeof main>[1] => ({
  stdout: nothing,
  stderr: nothing,
  env: {},
  signal: new AbortController().signal,
});

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/** Over TCP, as somebody. */
function as(who: string, method: string, path: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const token = TOKENS.get(who);
    const headers = {
      ...(token !== undefined && { "x-auth-token": token }),
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    const at = { host: lab.address(1), port: API_PORT, method, path, headers, agent: false };
    const asked = request(at, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (more: string) => {
        text += more;
      });
      incoming.on("end", () => {
        resolve({ status: incoming.statusCode ?? 0, json: text === "" ? undefined : JSON.parse(text) });
      });
    });
    asked.on("error", reject);
    asked.end(body && JSON.stringify(body));
  });
}

/** The status, or 0 when the connection was closed before all was sent. */
function post(path: string, body: string, method = "POST"): Promise<number> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json" };
    const asked = request(
      { socketPath: lab.path("gw.sock"), path, method, headers, agent: false },
      (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    asked.on("error", () => resolve(0));
    asked.end(body);
  });
}

const HUGE = `{"network":{"name":"${"x".repeat(4 * 1024 * 1024)}"}}`;
const WIDE = JSON.stringify({ networks: Array.from({ length: 20_000 }, () => ({ name: "x" })) });
const KEYS = JSON.stringify({
  network: Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])),
});

test.each<[string, string, string, readonly number[]]>([
  ["more than is read", "/v2.0/networks", HUGE, [413, 0]],
  ["brackets without end", "/v2.0/networks", "[".repeat(500_000), [400]],
  ["no JSON", "/v2.0/networks", '{"network":', [400]],
  ["twenty thousand objects at once", "/v2.0/networks", WIDE, [400]],
  ["fifty thousand attributes", "/v2.0/networks", KEYS, [400]],
  ["a filter of fifteen thousand characters", `/v2.0/ports?${"a=b&".repeat(3000)}`, "", [404, 400]],
  ["a path of nothing", `/v2.0/${"x/".repeat(5000)}`, "{}", [404]],
])("%s: refused, again and again, and memory does not grow with it", async (_name, path, body, statuses) => {
  const before = await gateway.metric("gatewayd_resident_memory_bytes");
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(path, body)));
    for (const status of answers) expect(statuses).toContain(status);
  }
  expect((await gateway.metric("gatewayd_resident_memory_bytes"))! - before!).toBeLessThan(300_000_000);
});

/** What comes back for octets as they are, until the other side closes; `more` is sent until it no longer is taken. */
function raw(
  head: string,
  more: Buffer = Buffer.alloc(0),
  times = 0,
): Promise<{ text: string; sent: number }> {
  return new Promise((resolve) => {
    let [text, sent] = ["", 0];
    const socket = connect(API_PORT, lab.address(1), () => {
      socket.write(head);
      const push = (): void => {
        while (sent < times && socket.writable) {
          sent += 1;
          if (!socket.write(more)) {
            socket.once("drain", push);
            return;
          }
        }
      };
      push();
    });
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    // Reset while octets are on their way: what was answered has been read before, or is lost on this side.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve({ text, sent }));
  });
}

const MEBI = 1024 * 1024;

test("100 MB are refused by what the header says of them, and cut off where it says nothing", async () => {
  const post = "POST /v2.0/networks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const auth = `X-Auth-Token: ${TOKENS.get("alice")}\r\n`;
  const told = await raw(`${post}${auth}Content-Length: ${100 * MEBI}\r\n\r\n`);
  expect(told.text).toMatch(/^HTTP\/1\.1 413 /);
  const piece = Buffer.concat([
    Buffer.from(`${MEBI.toString(16)}\r\n`),
    Buffer.alloc(MEBI, 0x20),
    Buffer.from("\r\n"),
  ]);
  const chunked = await raw(`${post}${auth}Transfer-Encoding: chunked\r\n\r\n`, piece, 100);
  expect(chunked.text).toMatch(/^(HTTP\/1\.1 413 |$)/);
  expect(chunked.sent).toBeLessThan(100);
});

test.each([["whoever says nothing"], ["alice of yesterday"], ["alice by another key"]])(
  "%s is nobody",
  async (who) => {
    for (const path of ["/v2.0/networks", "/v3/auth/catalog"])
      expect((await as(who, "GET", path)).status).toBe(401);
  },
);

test("what is another project's is not there", async () => {
  const made = await as("alice", "POST", "/v2.0/networks", { network: { name: "of-alice" } });
  const { id } = (made.json as { network: { id: string } }).network;
  const path = `/v2.0/networks/${id}`;
  const change = { network: { name: "bob's" } };
  const statuses = [
    (await as("bob", "GET", path)).status,
    (await as("bob", "PUT", path, change)).status,
    (await as("bob", "DELETE", path)).status,
    (await as("bob", "POST", "/v2.0/ports", { port: { network_id: id } })).status,
    (await as("alice", "GET", path)).status,
  ];
  expect(statuses).toEqual([404, 404, 404, 404, 200]);
  expect((await as("bob", "GET", "/v2.0/networks")).json).toEqual({ networks: [] });
});

test.each<[string, unknown]>([
  ["an attribute that there is not", { network: { name: "x", colour: "red" } }],
  ["a number where a text belongs", { network: { name: 7 } }],
  ["a list where an object belongs", { network: [] }],
  ["a text where a flag belongs", { network: { admin_state_up: "perhaps" } }],
  ["another project's id", { network: { project_id: "db" } }],
  ["a name that is too long", { network: { name: "x".repeat(256) } }],
  ["__proto__", JSON.parse('{"network":{"__proto__":{"shared":true}}}')],
])("%s: 400", async (_name, body) => {
  const { status, json } = await as("alice", "POST", "/v2.0/networks", body as object);
  expect([status, json]).toMatchObject([400, { NeutronError: { detail: "" } }]);
});

test("every answer of the gateway's own API is as its OpenAPI document says", async () => {
  const ask = async (path: string): Promise<Answer> => {
    const { status, body } = await gateway.ask(path);
    return { status, json: JSON.parse(body) };
  };
  expect(await wrongAnswers({ peer: lab.address(2), address: "203.0.113.1" }, ask)).toEqual({});
});

test("thousands of requests at once from one client: it is told to come later", async () => {
  // In one piece, since a client of Node's could not ask so fast on a machine that has other things to do.
  const one = "GET /v3 HTTP/1.1\r\nHost: localhost\r\n";
  const many = `${`${one}\r\n`.repeat(3000)}${one}Connection: close\r\n\r\n`;
  const statuses = new Set<string>();
  await eventually("more than it may ask", async () => {
    const { text } = await raw(many);
    for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d+) /g)) statuses.add(status!);
    return /^retry-after: \d+\r$/m.test(text);
  });
  expect(statuses).toEqual(new Set(["200", "429"]));
});
