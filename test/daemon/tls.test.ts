/** The API beyond this machine: over TLS, with tokens, with another certificate while it runs; metrics beside it. */

import { copyFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { readCertificate } from "../../src/daemon/certificate.ts";
import { missing } from "../store/etcd-daemon.ts";
import { Authority, type Issued } from "./authority.ts";
import { gatewayFile } from "./gateway-file.ts";
import { type Daemon, Lab, runToEnd } from "./lab.ts";

const OPENSTACK = "/usr/bin/openstack";
const absent = missing("openssl", OPENSTACK);
const API_PORT = 17_912;
const METRICS_PORT = 17_913;

let lab: Lab;
let authority: Authority;
let gateway: Daemon;
let files: Issued;
let base: string;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** @param agent - keeps the connection; undefined: one of its own */
function ask(
  path: string,
  headers: Record<string, string> = {},
  agent?: Agent,
  body?: object,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { headers, ca: authority.ca, agent: agent ?? new Agent(), method: body ? "POST" : "GET" };
    if (body !== undefined) headers["content-type"] = "application/json";
    const asked = request(new URL(path, base), options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text });
      });
    });
    asked.on("error", reject);
    asked.end(body && JSON.stringify(body));
  });
}

async function gwctl(line: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  let text = "";
  const write = (more: string): string => (text += more);
  const io = { stdout: { write }, stderr: { write }, env, signal: new AbortController().signal };
  const exit = await main(line.split(" "), io, "0.1.0");
  return `${exit} ${text}`;
}

/** The certificate that a new connection is shown, and the version of TLS; "": it is not taken. */
function shown(options: object = {}): Promise<{ readonly name: string; readonly version: string | null }> {
  return new Promise((resolve) => {
    const at = { host: lab.address(1), port: API_PORT, ca: authority.ca, ...options };
    const socket: TLSSocket = connect(at, () => {
      resolve({ name: String(socket.getPeerCertificate().subject.CN), version: socket.getProtocol() });
      socket.destroy();
    });
    socket.on("error", () => resolve({ name: "", version: "" }));
  });
}

const login = async (name: string, project: string): Promise<Answer> => {
  const domain = { id: "default" };
  const user = { name, domain, password: "sesame" };
  const identity = { methods: ["password"], password: { user } };
  const scope = { project: { name: project, domain } };
  return await ask("/v3/auth/tokens", {}, undefined, { auth: { identity, scope } });
};

/** Puts another certificate in the place of the one that is there. */
function replace({ certFile, keyFile }: Issued): void {
  copyFileSync(certFile, files.certFile);
  copyFileSync(keyFile, files.keyFile);
}

beforeAll(async () => {
  if (absent !== undefined) return;
  lab = new Lab();
  authority = new Authority(lab.directory);
  const names = `IP:${lab.address(1)},DNS:localhost`;
  const first = authority.issue("first", names);
  authority.issue("second", names);
  files = { certFile: lab.path("api.pem"), keyFile: lab.path("api.key") };
  replace(first);
  writeFileSync(lab.path("password"), "sesame\n");
  const file = `--file ${lab.path("tokens")} --password-file ${lab.path("password")}`;
  for (const who of [
    "root --project admin --role admin",
    "eve --project admin --role reader",
    "alice --project web",
  ]) {
    expect(await gwctl(`user set ${who} ${file}`)).toBe("0 ");
  }
  base = `https://${lab.address(1)}:${API_PORT}`;
  const api = {
    socket: lab.path("gw.sock"),
    // An address that is none of loopback by its text, and is reached over loopback alone.
    listen: `[::ffff:${lab.address(1)}]:${API_PORT}`,
    metricsListen: `${lab.address(1)}:${METRICS_PORT}`,
    tls: files,
    tokensFile: lab.path("tokens"),
  };
  gateway = await lab.start(lab.write("gw.yaml", gatewayFile(lab, "gw", { sections: { api } })), api.socket);
});
afterAll(() => lab?.remove());

const withTls = test.skipIf(absent !== undefined);
const why = absent === undefined ? "" : ` (missing: ${absent})`;

withTls(`speaks TLS 1.2 and 1.3, and nothing older, and no HTTP${why}`, async () => {
  expect(await shown()).toEqual({ name: "first", version: "TLSv1.3" });
  expect((await shown({ maxVersion: "TLSv1.2" })).version).toBe("TLSv1.2");
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
  expect((await shown(old)).name).toBe("");
  await expect(fetch(`http://${lab.address(1)}:${API_PORT}/healthz`)).rejects.toThrow();
});

withTls(`answers who has a token that is good for it${why}`, async () => {
  expect((await ask("/healthz")).status).toBe(200);
  const stranger = await ask("/api/v1/peers");
  expect([stranger.status, stranger.headers["www-authenticate"]]).toEqual([401, `Keystone uri="${base}/v3"`]);
  const statuses: [string, number][] = [];
  for (const [name, project] of [
    ["root", "admin"],
    ["eve", "admin"],
    ["alice", "web"],
  ] as const) {
    const token = String((await login(name, project)).headers["x-subject-token"]);
    statuses.push([name, (await ask("/api/v1/peers", { "x-auth-token": token })).status]);
  }
  expect(statuses).toEqual([
    ["root", 200],
    ["eve", 200],
    ["alice", 403],
  ]);
  expect((await ask("/api/v1/peers", { "x-auth-token": "forged.token" })).status).toBe(401);
  const { token } = JSON.parse((await login("alice", "web")).body) as {
    token: { catalog: { endpoints: { url: string }[] }[] };
  };
  const urls = token.catalog.flatMap(({ endpoints }) => endpoints.map(({ url }) => url));
  expect(new Set(urls)).toEqual(new Set([base, `${base}/v3`]));
});

withTls(`is asked by gwctl, and by the openstack client${why}`, async () => {
  const env = {
    OS_USERNAME: "eve",
    OS_PASSWORD: "sesame",
    OS_PROJECT_NAME: "admin",
    OS_CACERT: authority.caFile,
  };
  expect(await gwctl(`--url ${base} show status`, env)).toMatch(/^0 [\s\S]*192\.0\.2\.1/);
  expect(await gwctl(`--url ${base} --os-cacert ${authority.caFile} show peers`)).toMatch(
    /^1 gwctl: .*takes a token.*\nhint: say who asks/,
  );
  expect(await gwctl(`--url ${base} show peers`)).toMatch(/^5 gwctl: .*\nhint: --os-cacert/);
  const { OS_CACERT: _, ...user } = { ...env, OS_USERNAME: "alice", OS_PROJECT_NAME: "web" };
  const domains = ["OS_USER_DOMAIN_ID=default", "OS_PROJECT_DOMAIN_ID=default", `OS_AUTH_URL=${base}/v3`];
  const variables = Object.entries(user).map(([name, value]) => `${name}=${value}`);
  const words = [
    "--os-cacert",
    authority.caFile,
    "network",
    "create",
    "of-alice",
    "-f",
    "value",
    "-c",
    "name",
  ];
  expect(await runToEnd("env", [...domains, ...variables, OPENSTACK, ...words])).toMatchObject({
    status: 0,
    stdout: "of-alice\n",
  });
});

withTls(`gives metrics and health, and nothing else, to whoever comes to the other port${why}`, async () => {
  const at = (path: string): string => `https://${lab.address(1)}:${METRICS_PORT}${path}`;
  expect((await ask(at("/metrics"))).body).toContain("gatewayd_");
  expect((await ask(at("/readyz"))).status).toBe(200);
  for (const path of ["/api/v1/peers", "/v2.0/networks", "/v3"]) {
    const { status, body } = await ask(at(path));
    expect([path, status]).toEqual([path, 404]);
    expect(body).not.toContain("/api/v1");
  }
});

withTls(`shows another certificate to those who come, and keeps those who are there${why}`, async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.ca });
  try {
    const sockets = new Set<unknown>();
    agent.on("free", (socket) => sockets.add(socket));
    expect((await ask("/healthz", {}, agent)).status).toBe(200);
    replace({ certFile: lab.path("second.pem"), keyFile: lab.path("second.key") });
    await gateway.reload();
    await gateway.logged("api.certificate.loaded", { subject: "CN=second" });
    expect((await shown()).name).toBe("second");
    expect((await ask("/healthz", {}, agent)).status).toBe(200);
    expect(sockets.size).toBe(1);
    copyFileSync(lab.path("first.pem"), files.certFile);
    expect((await gateway.reload()).event).toBe("config.refused");
    const { msg } = await gateway.logged("api.certificate.refused");
    expect(msg).toContain("api.key: this key is not the one of");
    expect((await shown()).name).toBe("second");
  } finally {
    agent.destroy();
  }
});

withTls(`says what is wrong with the files${why}`, () => {
  const { certFile, keyFile } = authority.issue("short", "IP:192.0.2.1", 1);
  const soon = Date.now();
  const said = (given: Partial<Issued>, nowMs = soon): readonly string[] =>
    readCertificate({ certFile, keyFile, ...given }, nowMs).faults.map(({ severity, path, message }) =>
      [severity, path.at(-1), message.replaceAll(lab.directory, "")].join(" "),
    );
  const junk = lab.write("junk.pem", "junk\n");
  expect(said({})).toEqual([]);
  expect(said({ certFile: "/nonexistent" })).toEqual(["error certFile /nonexistent: there is no such file"]);
  expect(said({ keyFile: lab.directory })).toEqual(["error keyFile : this is no regular file"]);
  expect(said({ certFile: junk })).toEqual(["error certFile /junk.pem: this is no certificate in PEM"]);
  expect(said({ keyFile: junk })).toEqual(["error keyFile /junk.pem: this is no key in PEM"]);
  expect(said({ keyFile: lab.path("first.key") })).toEqual([
    "error keyFile /first.key: this key is not the one of /short.pem",
  ]);
  expect(said({}, soon + 3 * 86_400_000)[0]).toMatch(
    /^warning certFile \/short.pem: the certificate ended on /,
  );
  expect(said({}, soon - 3 * 86_400_000)[0]).toMatch(
    /^warning certFile \/short.pem: the certificate begins on /,
  );
  expect(said({ keyFile: lab.write("open.key", "junk") })).toHaveLength(1);
});
