/**
 * The first seed word for word: its commands, typed into Debian's `neutron` and `openstack` clients, make a floating IP
 * that packets go through. The gateway is the instance's host as well; BIRD is outside, and the instance a namespace.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Daemon, eventually, GWCTL, Lab, runToEnd } from "../daemon/lab.ts";
import { BIRD, BIRDC, bird } from "./daemons/bird.ts";
import { missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";

const OPENSTACK = "/usr/bin/openstack";
const NEUTRON = "/usr/bin/neutron";
const lacking = missing([BIRD, BIRDC, OPENSTACK, NEUTRON, "/usr/bin/ping"]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

/** Python takes its time to start, and the machine may be busy. */
const LIMIT_MS = 60_000;
const API_PORT = 9696;
const FLOATING = "172.16.1.3";
const FIXED = "10.65.0.2";

let pair: Pair;
let lab: Lab;
let ours: Daemon;
let theirs: Awaited<ReturnType<typeof bird.start>>;
const vm = (): string => pair.us.replace(/us$/, "vm");
const ip = (...words: string[]): string => execFileSync("ip", words, { encoding: "utf8", stdio: "pipe" });

/** Runs a client in the gateway's namespace and gives what it printed. @throws Error with what it said, when it fails */
async function client(
  program: string,
  line: string,
  environment: readonly string[] = ["OS_AUTH_TYPE=none", `OS_ENDPOINT=http://127.0.0.1:${API_PORT}`],
): Promise<string> {
  const words = ["netns", "exec", pair.us, "env", ...environment, program, ...line.split(" ")];
  const { status, stdout, stderr } = await runToEnd("ip", words, LIMIT_MS);
  if (status !== 0) throw new Error(`${line}: ${status} ${stdout}${stderr}`);
  return stdout;
}
const neutron = (line: string): Promise<string> => client(NEUTRON, line);
const openstack = (line: string): Promise<string> => client(OPENSTACK, line);

const pings = (from: string, to: string): boolean =>
  spawnSync("ip", ["netns", "exec", from, "ping", "-c", "1", "-W", "1", to], { stdio: "ignore" }).status ===
  0;

/** What Nova and libvirt do: an interface of the port's name, and an instance behind it. */
function boot(portId: string): void {
  const tap = `tap${portId.slice(0, 11)}`;
  ip("netns", "add", vm());
  ip("-n", pair.us, "link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", vm());
  ip("-n", pair.us, "link", "set", tap, "up");
  ip("-n", vm(), "link", "set", "eth0", "up");
  ip("-n", vm(), "addr", "add", `${FIXED}/32`, "dev", "eth0");
  const mac = /ether ([0-9a-f:]+)/.exec(ip("-n", pair.us, "link", "show", tap))![1]!;
  ip("-n", vm(), "neigh", "add", "169.254.1.1", "lladdr", mac, "dev", "eth0");
  ip("-n", vm(), "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink");
}

beforeAll(async () => {
  if (lacking !== undefined) return;
  pair = namespacePair();
  lab = new Lab();
  ip("netns", "exec", pair.us, "sysctl", "-qw", "net.ipv4.ip_forward=1");
  ip("-n", pair.us, "link", "set", "lo", "up");
  ip("-n", pair.them, "route", "add", "172.16.1.0/24", "via", US.v4);
  theirs = await bird.start({
    namespace: pair.them,
    asn: 64601,
    ourAsn: 65000,
    transport: "v4",
    passive: true,
    routes: [],
    gracefulRestart: false,
  });
  const tokensFile = lab.path("tokens");
  const set = ["user", "set", "alice", "--project", "web", "--file", tokensFile];
  const made = await runToEnd(process.execPath, [
    GWCTL,
    ...set,
    "--password-file",
    lab.write("password", "sesame"),
  ]);
  expect(made).toMatchObject({ status: 0 });
  const file = lab.write("gateway.yaml", {
    hostname: "gw1",
    bgp: {
      asn: 65000,
      routerId: "192.0.2.1",
      peers: [
        {
          address: THEM.v4,
          asn: 64601,
          import: [],
          export: [{ match: { kind: ["floating"] }, ["then"]: "accept" }],
        },
      ],
    },
    api: { socket: lab.path("gw.sock"), listen: `127.0.0.1:${API_PORT}`, auth: "none", tokensFile },
  });
  ours = await lab.start(file, lab.path("gw.sock"), ["ip", "netns", "exec", pair.us]);
  await ours.established(THEM.v4);
});
afterAll(async () => {
  await lab?.remove();
  await theirs?.stop();
  if (pair !== undefined) spawnSync("ip", ["netns", "del", vm()], { stdio: "ignore" });
  pair?.remove();
});

const clientTest = test.skipIf(lacking !== undefined);
let port: string;
let floating: string;

clientTest(
  "make a floating IP that is announced, and that packets go through",
  async () => {
    await neutron("net-create --shared calico");
    await neutron(
      "subnet-create --gateway 10.65.0.1 --enable-dhcp --ip-version 4 --name calico-v4 calico 10.65.0.0/24",
    );
    port = await openstack(
      "port create --network calico --host gw1 --device-owner compute:nova vm -f value -c id",
    );
    port = port.trim();
    boot(port);
    expect(await neutron("port-list -f value -c fixed_ips")).toContain(FIXED);
    await neutron("net-create public --router:external True");
    await neutron("subnet-create public 172.16.1.0/24");
    await neutron("router-create router1");
    expect(await neutron("router-interface-add router1 calico-v4")).toMatch(
      /^Added interface .* router1\.$/m,
    );
    await neutron("router-gateway-set router1 public");
    floating = (await neutron("floatingip-create public -f value -c id")).trim();
    await neutron(`floatingip-associate ${floating} ${port}`);
    await eventually(
      "BIRD has it",
      async () => (await theirs.prefixes()).includes(`${FLOATING}/32`),
      LIMIT_MS,
    );
    await eventually("a packet from outside and back", () => pings(pair.them, FLOATING), LIMIT_MS);
    // As in the seed's listing: both addresses of the instance lead to its tap.
    const routes = ip("-n", pair.us, "route");
    for (const address of [FIXED, FLOATING]) {
      expect(routes).toMatch(new RegExp(`^${address} dev tap${port.slice(0, 11)} .*scope link`, "m"));
    }
    expect((await openstack("floating ip show 172.16.1.3 -f value -c status")).trim()).toBe("ACTIVE");
    const told = await openstack("bgp speaker list advertised routes gw1 -f value");
    expect(told.trim()).toBe(`${FLOATING}/32 ${US.v4}`);
  },
  8 * LIMIT_MS,
);

clientTest(
  "a user of another project logs in, and sees what is shared and external, and none of the ports",
  async () => {
    const environment = [
      `OS_AUTH_URL=http://127.0.0.1:${API_PORT}/v3`,
      ...["OS_USERNAME=alice", "OS_PASSWORD=sesame", "OS_PROJECT_NAME=web"],
      ...["OS_USER_DOMAIN_ID=default", "OS_PROJECT_DOMAIN_ID=default"],
    ];
    const networks = await client(OPENSTACK, "network list -f value -c Name", environment);
    expect(networks.trim().split("\n").sort()).toEqual(["calico", "public"]);
    expect((await client(NEUTRON, "port-list -f value -c id", environment)).trim()).toBe("");
    const made = await client(OPENSTACK, "application credential create robot -f json", environment);
    const robot = JSON.parse(made) as { readonly id: string; readonly secret: string };
    const asRobot = [
      ...[`OS_AUTH_URL=http://127.0.0.1:${API_PORT}/v3`, "OS_AUTH_TYPE=v3applicationcredential"],
      ...[`OS_APPLICATION_CREDENTIAL_ID=${robot.id}`, `OS_APPLICATION_CREDENTIAL_SECRET=${robot.secret}`],
    ];
    expect(await client(OPENSTACK, "network list -f value -c Name", asRobot)).toBe(networks);
    const wrong = environment.map((each) => each.replace("sesame", "wrong"));
    await expect(client(OPENSTACK, "network list", wrong)).rejects.toThrow(/requires authentication/);
  },
  4 * LIMIT_MS,
);

clientTest(
  "take it off again: the instance goes out with its router's address, and nothing is left of the floating IP",
  async () => {
    await neutron(`floatingip-disassociate ${floating}`);
    await eventually(
      "BIRD has lost it",
      async () => !(await theirs.prefixes()).includes(`${FLOATING}/32`),
      LIMIT_MS,
    );
    await eventually("a packet out, by the router", () => pings(vm(), THEM.v4), LIMIT_MS);
    expect(pings(pair.them, FLOATING)).toBe(false);
  },
  4 * LIMIT_MS,
);

clientTest(
  "lead one of its ports to the instance, and no longer",
  async () => {
    const id = await openstack(
      `floating ip port forwarding create --port ${port} --internal-ip-address ${FIXED} --internal-protocol-port 8080 --external-protocol-port 80 --protocol tcp ${floating} -f value -c id`,
    );
    const isTold = async (): Promise<boolean> => (await theirs.prefixes()).includes(`${FLOATING}/32`);
    await eventually("BIRD has it", isTold, LIMIT_MS);
    await openstack(`floating ip port forwarding delete ${floating} ${id.trim()}`);
    await eventually("BIRD has lost it", async () => !(await isTold()), LIMIT_MS);
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
    await openstack("port delete vm");
    await openstack("network delete public calico");
    await eventually(
      "no route of ours",
      () => ip("-n", pair.us, "route", "show", "table", "all", "proto", "86") === "",
      LIMIT_MS,
    );
    await eventually(
      "no rule that names an address",
      () => {
        const rules = execFileSync("ip", ["netns", "exec", pair.us, "nft", "list", "ruleset"], {
          encoding: "utf8",
        });
        return !/172\.16\.1\.|10\.65\.0\./.test(rules);
      },
      LIMIT_MS,
    );
    for (const path of ["networks", "subnets", "ports", "routers", "floatingips"]) {
      expect(await ours.get(`/v2.0/${path}`)).toEqual({ [path]: [] });
    }
  },
  8 * LIMIT_MS,
);
