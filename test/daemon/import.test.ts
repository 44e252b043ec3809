/** gwctl import networking-calico, from a real etcd that holds what a Calico of OpenStack has left. */

import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Etcd, missing } from "../store/etcd-daemon.ts";
import { gatewayFile } from "./gateway-file.ts";
import { type Daemon, type Ended, Lab } from "./lab.ts";

const absent = missing("etcd", "openssl");

const NETWORK = "8a1cd5f0-7d11-4f9a-a1a4-36a3f5c0e001";
const SUBNET = "8a1cd5f0-7d11-4f9a-a1a4-36a3f5c0e002";
const PORT = "9a7e0868-da12-4c1b-8f00-5d1c8d3a0001";

/** As networking-calico writes them. */
const LAYOUT: Readonly<Record<string, object | string>> = {
  [`/calico/dhcp/v1/subnet/${SUBNET}`]: {
    network_id: NETWORK,
    cidr: "10.65.0.0/24",
    gateway_ip: "10.65.0.1",
    host_routes: [],
    dns_servers: ["192.0.2.53"],
  },
  [`/calico/v1/host/compute-node01/workload/openstack/instance-1/endpoint/${PORT}`]: {
    state: "active",
    name: "tap9a7e0868-da",
    mac: "fa:16:3e:5b:2f:11",
    profile_ids: ["openstack-sg-1"],
    ipv4_nets: ["10.65.0.13/32"],
    ipv4_subnet_ids: [SUBNET],
    ipv4_gateway: "10.65.0.1",
    ipv4_nat: [{ int_ip: "10.65.0.13", ext_ip: "172.16.1.3" }],
    ipv6_nets: [],
    ipv6_subnet_ids: [],
  },
  "/calico/v1/Ready": "true",
  "/calico/v1/policy/profile/openstack-sg-1/tags": ["1"],
};
const ENTRIES = Object.entries(LAYOUT).map(
  ([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)] as const,
);

let lab: Lab;
let etcd: Etcd;
let gateway: Daemon;
beforeAll(async () => {
  if (absent !== undefined) return;
  lab = new Lab();
  etcd = await Etcd.start("--enable-v2");
  gateway = await lab.start(lab.write("gw.yaml", gatewayFile(lab, "gw")), lab.path("gw.sock"));
});
afterAll(async () => {
  if (absent === undefined) await Promise.all([etcd.stop(), lab.remove()]);
});

const take = (...args: readonly string[]): Promise<Ended> =>
  gateway.gwctl("import", "networking-calico", "--floating-pool", "172.16.1.0/24", ...args);
const names = ({ stdout }: Ended): string[] => stdout.trim().split("\n").slice(1);

describe.skipIf(absent !== undefined)(`from etcd${absent ? `, missing: ${absent}` : ""}`, () => {
  test("an empty one has nothing, and none at all cannot be reached", async () => {
    expect(await take("--etcd", etcd.plain.origin)).toMatchObject({ status: 3 });
    expect(await take("--etcd", "http://127.0.0.1:1")).toMatchObject({ status: 5 });
    expect(await take()).toMatchObject({ status: 2 });
  });

  test("its v2 store: a plan, the objects, and nothing more the second time", async () => {
    for (const [key, value] of ENTRIES) {
      const body = new URLSearchParams({ value });
      expect((await fetch(new URL(`/v2/keys${key}`, etcd.plain), { method: "PUT", body })).status).toBe(201);
    }
    const planned = await take("--etcd", etcd.plain.origin);
    expect(planned).toMatchObject({
      status: 0,
      stderr: "gwctl: 9 would be made; --yes makes them, 0 there already\n",
    });
    expect(JSON.parse((await gateway.gwctl("port", "list", "-o", "json")).stdout)).toEqual([]);
    const made = await take("--etcd", etcd.plain.origin, "--yes");
    expect(made).toMatchObject({ status: 0 });
    expect(names(made)).toEqual(names(planned));
    const [port] = JSON.parse(
      (await gateway.gwctl("port", "list", "--host", "compute-node01", "-o", "json")).stdout,
    );
    expect(port).toMatchObject({ id: PORT, mac_address: "fa:16:3e:5b:2f:11", device_id: "instance-1" });
    const { stdout } = await gateway.gwctl("floatingip", "show", "172.16.1.3", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({ fixed_ip_address: "10.65.0.13", port_id: PORT });
    const router = await gateway.gwctl("router", "list", "-c", "distributed", "--no-headers");
    expect(router.stdout).toBe("true\n");
  });

  test("its v3 store, as etcdctl prints it, and lines: all the same, and there already", async () => {
    for (const [key, value] of ENTRIES) {
      const [k, v] = [key, value].map((text) => Buffer.from(text).toString("base64"));
      await etcd.ask("/v3/kv/put", { key: k, value: v });
    }
    const key = Buffer.from("/calico/").toString("base64");
    const range_end = Buffer.from("/calico0").toString("base64");
    writeFileSync(lab.path("dump.json"), JSON.stringify(await etcd.ask("/v3/kv/range", { key, range_end })));
    const lines = ENTRIES.map(([name, value]) => JSON.stringify({ key: name, value }));
    writeFileSync(lab.path("lines.json"), `${lines.join("\n")}\n`);
    const sources = [
      ["--etcd", etcd.plain.origin],
      ["--file", lab.path("dump.json")],
      ["--file", lab.path("lines.json")],
    ];
    for (const source of sources) {
      expect(await take(...source, "--yes")).toMatchObject({
        status: 0,
        stderr: "gwctl: 0 made, 9 there already\n",
      });
    }
  });

  test("what cannot be taken over is named, and the rest is made", async () => {
    const port = PORT.replace(/1$/, "2");
    const [name, value] = ENTRIES[1]!;
    const bad = { key: name.replace(PORT, port), value: value.replace("10.65.0.13/32", "10.65.0.14/32") };
    const good = {
      key: name.replace(PORT, port.replace(/2$/, "3")),
      value: { ...JSON.parse(value), ipv4_nat: [] },
    };
    const mac = { ...good.value, mac: "fa:16:3e:5b:2f:12", ipv4_nets: ["10.65.0.15/32"] };
    const more = [{ key: ENTRIES[0]![0], value: ENTRIES[0]![1] }, bad, { ...good, value: mac }];
    writeFileSync(lab.path("more.json"), more.map((one) => JSON.stringify(one)).join("\n"));
    const ended = await take("--file", lab.path("more.json"), "--yes");
    expect(ended).toMatchObject({ status: 1 });
    // The MAC is the first port's; the floating IP leads there.
    expect(ended.stderr).toContain(
      `gwctl: port ${port} 10.65.0.14 on compute-node01: Unable to complete operation`,
    );
    expect(ended.stderr).toContain("172.16.1.3: it leads to 10.65.0.13 already");
    expect((await gateway.gwctl("port", "show", port.replace(/2$/, "3"))).status).toBe(0);
  });
});
