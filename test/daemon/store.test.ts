/** What the API makes, over the ends of daemons: on this machine's disk, and in an etcd that two of them share. */

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, truncateSync } from "node:fs";
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Etcd, missing } from "../store/etcd-daemon.ts";
import { gatewayFile } from "./gateway-file.ts";
import { type Daemon, eventually, GWCTL, gatewayd, Lab, runToEnd } from "./lab.ts";

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.remove());

/** A file for a gateway with a store. Each has a BGP address of its own. */
const fileWith = (name: string, store: object, at = 1): string =>
  lab.write(`${name}.yaml`, gatewayFile(lab, name, { at, sections: { store } }));
const started = (name: string, store: object, at?: number): Promise<Daemon> =>
  lab.start(fileWith(name, store, at), lab.path(`${name}.sock`));

interface Made {
  readonly status: number | undefined;
  readonly id: string;
}

function make({ socket }: Daemon, path: string, name: string, attributes: object): Promise<Made> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const where = { socketPath: socket, path: `/v2.0/${path}` };
    const asked = request({ ...where, method: "POST", headers, agent: false });
    asked.on("response", (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      answer.on("end", () => {
        const made = (JSON.parse(body) as Record<string, { readonly id: string }>)[name];
        resolve({ status: answer.statusCode, id: made?.id ?? "" });
      });
    });
    asked.on("error", reject);
    asked.end(JSON.stringify({ [name]: attributes }));
  });
}

const makeNetwork = async (daemon: Daemon, name: string): Promise<number | undefined> =>
  (await make(daemon, "networks", "network", { name })).status;

async function networks(daemon: Daemon): Promise<string[]> {
  const { networks } = await daemon.get<{ networks: { name: string }[] }>("/v2.0/networks");
  return networks.map(({ name }) => name).sort();
}

describe("a store on the disk", () => {
  const local = (): object => ({ path: lab.path("store") });

  survives(local);

  test("one box with its own ports: a port of this host is up, also when the process was killed, and others are not", async () => {
    const statusOf = async (daemon: Daemon, id: string): Promise<string> =>
      (await daemon.get<{ port: { status: string } }>(`/v2.0/ports/${id}`)).port.status;
    const configured = gatewayFile(lab, "gw", { sections: { store: local(), hostname: "box" } });
    const file = lab.write("gw.yaml", configured);
    const before = await lab.start(file, lab.path("gw.sock"));
    const network = { network_id: (await make(before, "networks", "network", {})).id };
    await make(before, "subnets", "subnet", { ...network, ip_version: 4, cidr: "10.65.0.0/24" });
    const [own, other] = await Promise.all(
      ["box", "elsewhere"].map((host) =>
        make(before, "ports", "port", { ...network, "binding:host_id": host }),
      ),
    );
    await eventually("the port is up", async () => (await statusOf(before, own!.id)) === "ACTIVE", 60_000);
    expect(await statusOf(before, other!.id)).toBe("DOWN");
    await before.kill();
    const after = await lab.start(file, lab.path("gw.sock"));
    await eventually("and up again", async () => (await statusOf(after, own!.id)) === "ACTIVE", 60_000);
  });

  test("a second gateway that names it is refused, and so is a file that was cut", async () => {
    const first = await started("gw", local());
    const second = await gatewayd("run", fileWith("gw2", local(), 2));
    expect(second).toMatchObject({ status: 1 });
    expect(second.stderr).toContain("another gatewayd uses this store");
    first.signal("SIGTERM");
    expect(await first.end()).toMatchObject({ status: 0 });
    truncateSync(lab.path("store/store.mdb"), 100);
    const third = await gatewayd("run", fileWith("gw", local()));
    expect(third).toMatchObject({ status: 1 });
    expect(third.stderr).toContain(`${lab.path("store")}: the file of the store is damaged`);
  });

  test("gwctl tells where it is; nobody who cannot write there is left to guess", async () => {
    const gateway = await started("gw", local());
    expect(await makeNetwork(gateway, "a")).toBe(201);
    const { stdout } = await gateway.gwctl("store", "show", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      type: "local",
      at: [lab.path("store")],
      answers: true,
      objects: { networks: 1 },
    });
    lab.write("occupied", "");
    const refused = await gatewayd("run", fileWith("gw2", { path: lab.path("occupied/store") }, 2));
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toContain("the store cannot be here (ENOTDIR");
    expect(refused.stderr).toContain("store: { type: none }");
  });

  test("a reload cannot change it", async () => {
    const gateway = await started("gw", local());
    fileWith("gw", { type: "none" });
    expect(await gateway.reload()).toMatchObject({ event: "config.refused" });
  });
});

function survives(local: () => object): void {
  test.skipIf(process.getuid?.() !== 0 && process.env["CI"] !== "true")(
    "what was answered 201 is there after kill -9, of its store's process and of itself, and on a disk that is full",
    async () => {
      mkdirSync(lab.path("store"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", lab.path("store")]);
      try {
        const before = await started("gw", local());
        const unlimited = { method: "PUT", body: { quota: { network: -1 } } } as const;
        expect(await before.ask("/v2.0/quotas/admin", unlimited)).toMatchObject({ status: 200 });
        const made: string[] = [];
        const fill = async (): Promise<number | undefined> => {
          const name = `n${String(made.length).padStart(3, "0")}`;
          const description = "x".repeat(255);
          const { status } = await make(before, "networks", "network", { name, description });
          if (status === 201) made.push(name);
          return status;
        };
        expect(await fill()).toBe(201);
        process.kill(storeProcess(before, "store.mdb"), "SIGKILL");
        await before.logged("store.revived");
        expect(await fill()).toBe(201);
        let status: number | undefined = 201;
        while (status === 201) status = await fill();
        expect(status).toBe(507);
        const isFull = async (daemon: Daemon): Promise<boolean> =>
          (await daemon.status()).problems.some(({ code }) => code === "store.full");
        await eventually("it says so", () => isFull(before), 60_000);
        await before.kill();
        const after = await started("gw", local());
        expect(await networks(after)).toEqual(made);
        // A start that needs no room; what is deleted gives room for what is new.
        const { networks: all } = await after.get<{ networks: { id: string }[] }>("/v2.0/networks");
        const remove = async ({ id }: { readonly id: string }): Promise<number> =>
          (await after.ask(`/v2.0/networks/${id}`, { method: "DELETE" })).status;
        for (const each of all.slice(0, 8))
          await eventually("there is room to delete", async () => (await remove(each)) === 204);
        await eventually("and to make", async () => (await makeNetwork(after, "new")) === 201);
        await eventually("it is full no more", async () => !(await isFull(after)), 60_000);
        await after.kill();
      } finally {
        execFileSync("umount", ["--lazy", lab.path("store")]);
      }
    },
  );
}

const absent = missing("etcd", "openssl");

describe.skipIf(absent !== undefined)(`a store in etcd${absent ? `, missing: ${absent}` : ""}`, () => {
  let etcd: Awaited<ReturnType<typeof Etcd.start>>;
  beforeAll(async () => {
    etcd = await Etcd.start();
  });
  afterAll(() => etcd.stop());

  test("it takes over what was on the disk, two gateways have it in common, and a disk takes it back", async () => {
    const { ca, cert, key } = etcd.certificates;
    const shared = { type: "etcd", endpoints: [etcd.url.origin], caFile: ca, certFile: cert, keyFile: key };
    const alone = await started("alone", { path: lab.path("store") });
    expect(await makeNetwork(alone, "a")).toBe(201);
    const before = await alone.get("/v2.0/networks");
    const files = [lab.path("alone.yaml"), fileWith("one", shared)];
    const stderr = expect.stringContaining("another gatewayd uses this store");
    expect(await gatewayd("store", "migrate", ...files)).toMatchObject({ status: 1, stdout: "", stderr });
    alone.signal("SIGTERM");
    await alone.end();
    const migrated = await runToEnd(process.execPath, [GWCTL, "store", "migrate", ...files]);
    expect(migrated).toMatchObject({ status: 0 });
    expect(migrated.stdout).toContain(`entries are now in the store in etcd at ${etcd.url.origin}`);
    const [one, two] = await Promise.all([started("one", shared), started("two", shared, 2)]);
    // With its id, its revision number and its times.
    expect(await one.get("/v2.0/networks")).toEqual(before);
    const back = [lab.path("one.yaml"), fileWith("back", { path: lab.path("back") })];
    const runs = expect.stringMatching(/a gatewayd runs with it on .*; stop every gatewayd/);
    await eventually("one of them is heard of", () => isHeardOf(etcd), 60_000);
    expect(await gatewayd("store", "migrate", ...back)).toMatchObject({ status: 1, stderr: runs });
    expect(await makeNetwork(one, "b")).toBe(201);
    await eventually("the other gateway knows it", async () => (await networks(two)).length === 2, 60_000);
    expect(await networks(two)).toEqual(["a", "b"]);
    const inOrder = "/v2.0/networks?sort_key=name";
    const all = await one.get(inOrder);
    for (const each of [one, two]) {
      each.signal("SIGTERM");
      await each.end();
    }
    const returned = await runToEnd(process.execPath, [GWCTL, "store", "migrate", ...back]);
    expect(returned).toMatchObject({ status: 0 });
    expect(returned.stdout).toContain(`entries are now in the store in ${lab.path("back")}`);
    const last = await lab.start(back[1]!, lab.path("back.sock"));
    expect(await last.get(inOrder)).toEqual(all);
  });

  test("nobody there: the gateway does not start, and says why", async () => {
    const { status, stderr } = await gatewayd(
      "run",
      fileWith("gw", { type: "etcd", endpoints: ["http://127.0.0.1:1"] }),
    );
    expect(status).toBe(1);
    expect(stderr).toContain("ECONNREFUSED");
  });

  startsAway(() => etcd);
});

function startsAway(etcd: () => Awaited<ReturnType<typeof Etcd.start>>): void {
  test("a gateway that starts while etcd is away goes on with what it knew, and catches up over a compaction", async () => {
    const { ca, cert, key } = etcd().certificates;
    await onlyRoot(etcd());
    const store = {
      ...{ type: "etcd", endpoints: [etcd().url.origin], prefix: "/away/", path: lab.path("copies") },
      ...{ caFile: ca, certFile: cert, keyFile: key },
      ...{ user: "root", passwordFile: lab.write("password", "sesame\n") },
    };
    chmodSync(lab.path("password"), 0o600);
    const before = await started("gw", store);
    expect(await makeNetwork(before, "a")).toBe(201);
    process.kill(storeProcess(before, "copy.mdb"), "SIGKILL");
    await before.logged("store.revived", {}, 60_000);
    const isWell = async (): Promise<boolean> => (await before.status()).problems.length === 0;
    await eventually("it is copied on", isWell, 60_000);
    expect(await makeNetwork(before, "b")).toBe(201);
    before.signal("SIGTERM");
    await before.end();
    const other = await started("other", { ...store, path: lab.path("others") }, 2);
    expect(await makeNetwork(other, "c")).toBe(201);
    const { revision } = await other.get<{ revision: number }>("/api/v1/store");
    const login = await etcd().ask("/v3/auth/authenticate", { name: "root", password: "sesame" });
    const { token } = login as { readonly token: string };
    expect(await makeNetwork(other, "d")).toBe(201);
    await etcd().ask("/v3/kv/compaction", { revision: String(revision + 1), physical: true }, token);
    await etcd().halt();

    const after = await started("gw", store);
    expect(after.events("store.away")).toHaveLength(1);
    expect(await networks(after)).toEqual(["a", "b"]);
    expect(await makeNetwork(after, "lost")).toBe(503);
    expect((await after.status()).problems).toMatchObject([{ code: "store.away" }]);
    const { stdout } = await after.gwctl("store", "status", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({ answers: false, etcd: { connected: false } });
    expect(await networks(other)).toEqual(["a", "b", "c", "d"]);

    await etcd().resume();
    for (const each of [after, other]) {
      const all = async (): Promise<boolean> =>
        (await networks(each)).filter((name) => "abcd".includes(name)).length === 4;
      await eventually("it catches up", all, 60_000);
      await eventually("and can be written to", async () => (await makeNetwork(each, "e")) === 201, 60_000);
    }
    await after.logged("store.back", {}, 60_000);
    await eventually("nothing is wrong", async () => (await after.status()).problems.length === 0, 60_000);
    expect(await after.metric("gatewayd_store_connected")).toBe(1);
    expect(await other.metric("gatewayd_store_reconnects_total")).toBeGreaterThan(0);
    for (const each of [before, after, other])
      expect(JSON.stringify([each.logs, each.text])).not.toContain("sesame");
  }, 240_000);
}

/** The one that is alone with its file. */
function storeProcess({ pid }: Daemon, file: "store.mdb" | "copy.mdb"): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
  return children.find((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes(file))!;
}

/** Some gatewayd has said that it lives. */
async function isHeardOf(etcd: Etcd): Promise<boolean> {
  const [key, range_end] = ["/gatewayd/v1/hosts/", "/gatewayd/v1/hosts0"].map((text) =>
    Buffer.from(text).toString("base64"),
  );
  const { kvs = [] } = (await etcd.ask("/v3/kv/range", { key, range_end })) as {
    readonly kvs?: readonly { readonly lease?: string }[];
  };
  return kvs.some(({ lease }) => lease !== undefined);
}

/** From here on it asks who somebody is. */
async function onlyRoot(etcd: Etcd): Promise<void> {
  await etcd.ask("/v3/auth/user/add", { name: "root", password: "sesame" });
  await etcd.ask("/v3/auth/role/add", { name: "root" });
  await etcd.ask("/v3/auth/user/grant", { user: "root", role: "root" });
  await etcd.ask("/v3/auth/enable", {});
}
