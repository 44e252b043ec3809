/**
 * The first seed word for word: its commands, typed into Debian's `neutron` and `openstack` clients, make a floating IP
 * that packets go through, on the host of its instance. Then what the seed does not say: ports that come and go.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { StatusAnswer } from "../../src/api/schema.ts";
import { type Daemon, eventually, GWCTL, runToEnd } from "../daemon/lab.ts";
import { BIRD, BIRDC } from "./daemons/bird.ts";
import { BGPD, VTYSH } from "./daemons/frr.ts";
import { missing, THEM } from "./namespaces.ts";
import { expectExplained, portStatusIs } from "./openstack-answers.ts";
import { knowsByMetadata, made, pings, plugOnSix, reaches, removed, run } from "./openstack-look.ts";
import { API_PORT, DHCLIENT, FABRIC_V6, LIMIT_MS, Site, tapOf, UDHCPC, UPLINK } from "./openstack-site.ts";

const OPENSTACK = "/usr/bin/openstack";
const NEUTRON = "/usr/bin/neutron";
const ETCD = ["/usr/bin/etcd", "/usr/bin/etcdctl"];
const lacking = missing([
  BIRD,
  BIRDC,
  BGPD,
  VTYSH,
  OPENSTACK,
  NEUTRON,
  ...ETCD,
  UDHCPC,
  DHCLIENT,
  "/usr/bin/ping",
]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const FLOATING = "172.16.1.3";
/** As in the seed: the first is on compute-node01, the others are on another one. */
const [FIXED, SECOND, THIRD] = ["10.65.0.13", "10.65.0.14", "10.65.0.23"] as const;
/** Of an instance that begins while its host is cut off. */
const MISSED = "10.65.0.24";

let site: Site;
let gw: Daemon;
let hosts: readonly Daemon[];
let stopPinging: () => Promise<readonly number[]>;
const neutron = (line: string): Promise<string> => site.client(NEUTRON, line);
const openstack = (line: string): Promise<string> => site.client(OPENSTACK, line);

const told = (prefix: string, ...who: readonly string[]): Promise<true> =>
  eventually(
    `${who.join(" and ") || "nobody"} has ${prefix}`,
    async () => (await site.told(prefix)).join() === who.join(),
    LIMIT_MS,
  );

const statusIs = (name: string, status: string): Promise<true> => portStatusIs(gw, name, status);

beforeAll(async () => {
  if (lacking !== undefined) return;
  site = new Site();
  const tokensFile = site.lab.path("tokens");
  const set = ["user", "set", "alice", "--project", "web", "--file", tokensFile];
  const password = site.lab.write("password", "sesame");
  expect(await runToEnd(process.execPath, [GWCTL, ...set, "--password-file", password])).toMatchObject({
    status: 0,
  });
  await Promise.all([site.startEtcd(), site.startRouters()]);
  gw = await site.start("gw");
  hosts = await Promise.all([site.start("host1"), site.start("host2")]);
  await gw.established(THEM.v4, "192.168.8.9", "192.168.8.3", "192.168.8.4");
}, 2 * LIMIT_MS);
afterAll(() => site?.remove());

const clientTest = test.skipIf(lacking !== undefined);
let port: string;
let third: string;
let floating: string;

const macOf = async (id: string): Promise<string> =>
  (await gw.get<{ port: { mac_address: string } }>(`/v2.0/ports/${id}`)).port.mac_address;

clientTest(
  "make a floating IP that is announced, and that packets go through",
  async () => {
    await neutron("net-create --shared calico");
    await neutron(
      "subnet-create --gateway 10.65.0.1 --enable-dhcp --ip-version 4 --name calico-v4 calico 10.65.0.0/24",
    );
    // In the place of `nova boot`.
    const create = async (name: string, host: "host1" | "host2", address: string): Promise<string> => {
      const where = `--host ${host} --device-owner compute:nova --fixed-ip subnet=calico-v4,ip-address=${address}`;
      return (await openstack(`port create --network calico ${where} ${name} -f value -c id`)).trim();
    };
    port = await create("a", "host1", FIXED);
    site.boot("a", port, "host1", FIXED);
    site.boot("b", await create("b", "host2", SECOND), "host2", SECOND);
    third = await create("c", "host2", THIRD);
    site.plug("c", third, "host2", await macOf(third));
    const ports = await neutron("port-list -f value -c fixed_ips");
    for (const address of [FIXED, SECOND, THIRD]) expect(ports).toContain(address);
    await neutron("net-create public --router:external True");
    await neutron("subnet-create public 172.16.1.0/24");
    await neutron("router-create router1");
    expect(await neutron("router-interface-add router1 calico-v4")).toMatch(
      /^Added interface .* router1\.$/m,
    );
    await neutron("router-gateway-set router1 public");
    floating = (await neutron("floatingip-create public -f value -c id")).trim();
    await neutron(`floatingip-associate ${floating} ${port}`);
    await told(`${FLOATING}/32`, "BIRD", "FRR");
    await reaches(site.of("bird"), FLOATING);
    await reaches(site.of("frr"), FLOATING);
    expect((await openstack(`floating ip show ${FLOATING} -f value -c status`)).trim()).toBe("ACTIVE");
    for (const name of ["a", "b", "c"]) await statusIs(name, "ACTIVE");
    const originated = "bgp speaker list advertised routes host1 -f value";
    expect(await site.client(OPENSTACK, originated, undefined, "host1")).toMatch(
      new RegExp(`^${FLOATING}/32 192\\.168\\.8\\.3$`, "m"),
    );
  },
  8 * LIMIT_MS,
);

clientTest(
  "the host's routes are the seed's, line by line",
  async () => {
    const tap = tapOf(port);
    const expected = [
      `${FIXED} dev ${tap} proto 86 scope link`,
      `${SECOND} via 192.168.8.4 dev ${UPLINK} proto 86`,
      `${THIRD} via 192.168.8.4 dev ${UPLINK} proto 86`,
      `${FLOATING} dev ${tap} proto 86 scope link`,
      `192.168.8.0/24 dev ${UPLINK} proto kernel scope link src 192.168.8.3`,
    ];
    await eventually(
      "the routes of the listing",
      () => {
        const lines = site.ip("host1", "route").split("\n");
        const found = lines.map((line) => line.replace(/ nhid \d+| metric \d+/g, "").trim());
        return expected.every((line) => found.includes(line));
      },
      LIMIT_MS,
    );
  },
  LIMIT_MS,
);

clientTest("the host's translations are the seed's, line by line, and there is no other", async () => {
  const rules = site.nat("host1");
  const chain = (name: string): string =>
    new RegExp(`chain ${name} \\{[^]*?\\n\\s*\\}`).exec(rules)?.[0] ?? `no chain ${name}`;
  const elements = (name: string): string | undefined =>
    new RegExp(`map ${name} \\{[^}]*elements = \\{ ([^}]*) \\}`).exec(rules)?.[1]?.trim();
  // FIP-DNAT, of which PREROUTING and OUTPUT are the two references.
  expect(elements("floating")).toBe(`${FLOATING} : ${FIXED}`);
  for (const hook of ["dstnat", "dstnat_output"])
    expect(chain(hook)).toContain("dnat ip to ip daddr map @floating");
  // FIP-SNAT, of which POSTROUTING is the one reference.
  expect(elements("self")).toBe(`${FIXED} . ${FLOATING} : ${FLOATING}`);
  expect(chain("srcnat")).toContain("snat ip to ip saddr . ct original ip daddr map @self");
  expect(chain("dstnat")).toContain("ip daddr 169.254.169.254 tcp dport 80 dnat ip to 127.0.0.1:8775");
  expect(elements("egress")).toBeUndefined();
  expect(site.nat("gw")).not.toContain(`${FLOATING} :`);
});

clientTest(
  "host and gateway each explain the floating IP: who serves it, and whom they tell",
  () => expectExplained({ host: hosts[0]!, gateway: gw }, FLOATING, FIXED, tapOf(port)),
  2 * LIMIT_MS,
);

clientTest(
  "every way to the floating IP is a way: from itself, its host and another instance; metadata too",
  async () => {
    await reaches(site.vm("a"), FLOATING);
    await reaches(site.of("host1"), FLOATING);
    await reaches(site.vm("b"), FLOATING);
    await reaches(site.vm("b"), FIXED);
    await knowsByMetadata(site.of("host1"), site.vm("a"), FIXED);
  },
  4 * LIMIT_MS,
);

clientTest(
  "an instance is told its address by DHCP, also when dnsmasq was killed, and reaches others by it",
  async () => {
    const told = `${THIRD}/24 10.65.0.1 1500`;
    await eventually("an answer", () => site.askByDhcp("c") === told, LIMIT_MS);
    await reaches(site.vm("c"), FIXED);
    await reaches(site.vm("c"), FLOATING);
    const dhcp = async (): Promise<StatusAnswer["dhcp"]> => (await hosts[1]!.status()).dhcp;
    expect(await dhcp()).toMatchObject({ running: true, addresses: 2 });
    const before = site.dhcpPid("host2");
    process.kill(before!, "SIGKILL");
    const isAnother = (pid: number | undefined): boolean => pid !== undefined && pid !== before;
    await eventually("another dnsmasq", () => isAnother(site.dhcpPid("host2")), LIMIT_MS);
    await eventually("an answer of it", () => site.askByDhcp("c") === told, LIMIT_MS);
    expect((await dhcp())!.restarts).toBeGreaterThan(0);
  },
  4 * LIMIT_MS,
);

clientTest(
  "an instance makes its IPv6 address by the host's advertisement, another one is told it by DHCPv6: both reach the host",
  async () => {
    const slaac = await plugOnSix(site, gw, "d", "slaac", "2001:db8:65::/64");
    const stateful = await plugOnSix(site, gw, "e", "dhcpv6-stateful", "2001:db8:66::/64");
    const holds = (name: string): string => run(site.vm(name), "ip", "-6", "addr", "show", "dev", "eth0");
    await eventually("the address of the port", () => holds("d").includes(`${slaac.address}/64`), LIMIT_MS);
    await eventually(
      "an answer",
      () => site.askByDhcp6("e") === `${stateful.address} 2001:db8::53`,
      LIMIT_MS,
    );
    expect(holds("e").match(/inet6 2001:\S+/g)).toEqual([`inet6 ${stateful.address}/128`]);
    for (const name of ["d", "e"]) await reaches(site.vm(name), FABRIC_V6.host2);
    await removed(gw, ...slaac.paths, ...stateful.paths);
    for (const name of ["d", "e"]) site.halt(name);
  },
  4 * LIMIT_MS,
);

clientTest(
  "a port is down while its tap is away, and moves to another host with its floating IP",
  async () => {
    site.halt("a");
    await statusIs("a", "DOWN");
    await told(`${FLOATING}/32`);
    await openstack("port set --host host2 a");
    site.flutter(port, "host2");
    site.boot("a", port, "host2", FIXED);
    await statusIs("a", "ACTIVE");
    await told(`${FLOATING}/32`, "BIRD", "FRR");
    await reaches(site.of("bird"), FLOATING);
    await eventually(
      "host1 translates it no more",
      () => !site.nat("host1").includes(`${FLOATING} :`),
      LIMIT_MS,
    );
    expect(site.ip("host2", "route")).toMatch(new RegExp(`^${FLOATING} dev ${tapOf(port)} `, "m"));
  },
  4 * LIMIT_MS,
);

clientTest(
  "a user of another project logs in, and sees what is shared and external, and none of the ports",
  async () => {
    stopPinging = site.ping(site.of("bird"), FLOATING);
    // Its lease runs out meanwhile.
    site.cut("host2");
    const environment = [
      `OS_AUTH_URL=http://127.0.0.1:${API_PORT}/v3`,
      ...["OS_USERNAME=alice", "OS_PASSWORD=sesame", "OS_PROJECT_NAME=web"],
      ...["OS_USER_DOMAIN_ID=default", "OS_PROJECT_DOMAIN_ID=default"],
    ];
    const networks = await site.client(OPENSTACK, "network list -f value -c Name", environment);
    expect(networks.trim().split("\n").sort()).toEqual(["calico", "public"]);
    const made = await site.client(OPENSTACK, "application credential create robot -f json", environment);
    const robot = JSON.parse(made) as { readonly id: string; readonly secret: string };
    const asRobot = [
      ...[`OS_AUTH_URL=http://127.0.0.1:${API_PORT}/v3`, "OS_AUTH_TYPE=v3applicationcredential"],
      ...[`OS_APPLICATION_CREDENTIAL_ID=${robot.id}`, `OS_APPLICATION_CREDENTIAL_SECRET=${robot.secret}`],
    ];
    expect(await site.client(OPENSTACK, "network list -f value -c Name", asRobot)).toBe(networks);
    expect((await site.client(NEUTRON, "port-list -f value -c id", environment)).trim()).toBe("");
    const wrong = environment.map((each) => each.replace("sesame", "wrong"));
    await expect(site.client(OPENSTACK, "network list", wrong)).rejects.toThrow(/requires authentication/);
  },
  4 * LIMIT_MS,
);

clientTest(
  "a host that is cut off from etcd has no port that is up, and forwards on; what it missed is done when it is there again",
  async () => {
    for (const name of ["a", "b", "c"]) await statusIs(name, "DOWN");
    const { networks } = await gw.get<{ networks: readonly { id: string; name: string }[] }>(
      "/v2.0/networks",
    );
    const idOf = (name: string): string | undefined => networks.find((network) => network.name === name)?.id;
    const where = { "binding:host_id": "host2", fixed_ips: [{ ip_address: MISSED }] };
    const { id: port_id } = await made(gw, "ports", "port", {
      name: "d",
      network_id: idOf("calico"),
      ...where,
    });
    site.boot("d", port_id, "host2", MISSED);
    const leads = { floating_network_id: idOf("public"), port_id };
    const { id, floating_ip_address } = await made<{
      readonly id: string;
      readonly floating_ip_address: string;
    }>(gw, "floatingips", "floatingip", leads);
    await told(`${FLOATING}/32`, "BIRD", "FRR");
    expect(site.nat("host2")).not.toContain(floating_ip_address);
    // The gateway says so, and the host does, though it can write nothing.
    await hosts[1]!.logged("problem.found", { code: "store.away" }, LIMIT_MS);
    site.heal("host2");
    for (const name of ["a", "b", "c", "d"]) await statusIs(name, "ACTIVE");
    await told(`${floating_ip_address}/32`, "BIRD", "FRR");
    await reaches(site.of("bird"), floating_ip_address);
    // Of what was sent only the last few may have no answer yet.
    const answered = await stopPinging();
    expect(answered.length).toBeGreaterThan(0);
    expect(answered).toEqual(answered.map((_, i) => i + 1));
    await removed(gw, `floatingips/${id}`, `ports/${port_id}`);
    site.halt("d");
  },
  4 * LIMIT_MS,
);

clientTest(
  "etcd is killed, and a host starts without it: no packet is lost, all is announced, and it is one again after it",
  async () => {
    await reaches(site.of("bird"), FLOATING);
    await site.killEtcd();
    // Nobody's routes change: whatever is lost was dropped by us. The last answer may take its time.
    const pinged = run(site.of("bird"), "ping", "-c", "20", "-i", "0.05", "-W", "50", FLOATING);
    expect(pinged).toContain("20 packets transmitted, 20 received");
    await hosts[1]!.kill();
    hosts = [hosts[0]!, await site.start("host2")];
    expect(hosts[1]!.events("store.away")).toHaveLength(1);
    await told(`${FLOATING}/32`, "BIRD", "FRR");
    for (const from of [site.of("bird"), site.vm("b")]) await reaches(from, FLOATING);
    const refused = await gw.ask("/v2.0/networks", { method: "POST", body: { network: { name: "no" } } });
    expect(refused).toMatchObject({ status: 503, body: expect.stringContaining("etcd") });
    await site.startEtcd();
    for (const name of ["a", "b", "c"]) await statusIs(name, "ACTIVE");
    await eventually(
      "nobody misses etcd",
      async () => {
        const all = await Promise.all([gw, ...hosts].map((daemon) => daemon.status()));
        return all.every(({ problems }) => problems.every(({ code }) => code !== "store.away"));
      },
      LIMIT_MS,
    );
    expect(await gw.get("/v2.0/networks?name=no")).toEqual({ networks: [] });
    await reaches(site.of("bird"), FLOATING);
  },
  6 * LIMIT_MS,
);

clientTest(
  "take it off again: the instance goes out with its router's address, and nothing is left of the floating IP",
  async () => {
    // A connection that nobody ends: what is tracked of it does not go by itself for hours.
    site.connect("bird", FLOATING, "a");
    await eventually("a connection through it", () => site.tracks("host2", FLOATING), LIMIT_MS);
    await neutron(`floatingip-disassociate ${floating}`);
    await told(`${FLOATING}/32`);
    for (const name of ["gw", "host2"] as const)
      await eventually(`no connection of it on ${name}`, () => !site.tracks(name, FLOATING), LIMIT_MS);
    await reaches(site.vm("a"), THEM.v4);
    expect(pings(site.of("bird"), FLOATING)).toBe(false);
  },
  4 * LIMIT_MS,
);

clientTest(
  "lead one of its ports to the instance, and no longer",
  async () => {
    const id = await openstack(
      `floating ip port forwarding create --port ${port} --internal-ip-address ${FIXED} --internal-protocol-port 8080 --external-protocol-port 80 --protocol tcp ${floating} -f value -c id`,
    );
    await told(`${FLOATING}/32`, "BIRD", "FRR");
    expect(site.nat("gw")).toMatch(/8080/);
    await openstack(`floating ip port forwarding delete ${floating} ${id.trim()}`);
    await told(`${FLOATING}/32`);
    await eventually("nothing leads there any more", () => !site.nat("gw").includes("8080"), LIMIT_MS);
  },
  4 * LIMIT_MS,
);

clientTest(
  "undo everything: not a route, a rule or an object is left",
  async () => {
    await neutron(`floatingip-delete ${floating}`);
    await neutron("router-gateway-clear router1");
    await neutron("router-interface-delete router1 calico-v4");
    await neutron("router-delete router1");
    await openstack("port delete a b c");
    await openstack("network delete public calico");
    for (const name of ["gw", "host1", "host2"] as const) {
      await eventually(
        `no route of ours on ${name} but the way out`,
        () => !/172\.16\.1\.|10\.65\.0\./.test(site.ip(name, "route", "show", "table", "all", "proto", "86")),
        LIMIT_MS,
      );
      await eventually(
        `no rule on ${name} that names an address`,
        () => !/172\.16\.1\.|10\.65\.0\./.test(site.nat(name)),
        LIMIT_MS,
      );
      await eventually(`no connection of it on ${name}`, () => !site.tracks(name, FIXED), LIMIT_MS);
    }
    for (const path of ["networks", "subnets", "ports", "routers", "floatingips"]) {
      expect(await gw.get(`/v2.0/${path}`)).toEqual({ [path]: [] });
    }
  },
  8 * LIMIT_MS,
);
