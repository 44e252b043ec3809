/** gwctl's commands for objects against a real daemon: made, looked at, changed and undone, by names and by ids. */

import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { gatewayFile } from "./gateway-file.ts";
import { type Daemon, Lab } from "./lab.ts";

const API_PORT = 17_911;

let lab: Lab;
let gateway: Daemon;

beforeAll(async () => {
  lab = new Lab();
  const listen = `${lab.address(1)}:${API_PORT}`;
  writeFileSync(lab.path("password"), "secret-of-alice\n");
  const file = `--file ${lab.path("tokens")} --password-file ${lab.path("password")}`;
  await gwctl(`user set alice --project web --role member ${file}`);
  await gwctl(`user set root --project admin --role admin ${file}`);
  const api = { socket: lab.path("gw.sock"), listen, tokensFile: lab.path("tokens") };
  const nat = { private: ["10.99.0.0/16"], pools: [{ name: "default", addresses: "198.51.100.10" }] };
  const config = lab.write("gw.yaml", gatewayFile(lab, "gw", { sections: { api, nat } }));
  gateway = await lab.start(config, lab.path("gw.sock"));
});
afterAll(() => lab.remove());

interface Run {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** In this process: the same code as the command, without half a second of Node's start. */
async function gwctl(line: string, env: Readonly<Record<string, string>> = {}): Promise<Run> {
  let [out, err] = ["", ""];
  const exit = await main(
    line.split(" "),
    {
      stdout: { write: (text: string) => (out += text) },
      stderr: { write: (text: string) => (err += text) },
      env: { GWCTL_SOCKET: lab.path("gw.sock"), ...env },
      signal: new AbortController().signal,
    },
    "0.1.0",
  );
  return { exit, out, err };
}

/** @returns what was printed. @throws Error when it did not work */
async function done(line: string, env?: Readonly<Record<string, string>>): Promise<string> {
  const { exit, out, err } = await gwctl(line, env);
  if (exit !== 0) throw new Error(`gwctl ${line}: ${exit} ${err}`);
  return out;
}

const member = async (line: string): Promise<string> => (await done(`${line} --no-headers`)).trim();

test("the first seed's objects are made, and every undo leaves nothing", async () => {
  await done("network create --share calico");
  await done("subnet create --network calico --subnet-range 10.65.0.0/24 --gateway 10.65.0.1 calico-v4");
  const port = await member(
    "port create --network calico --host gw1 --device-owner compute:nova -c id --tag web vm-a",
  );
  expect(port).toMatch(/^[0-9a-f-]{36}$/);
  await done("network create --external public");
  await done("subnet create --network public --subnet-range 172.16.1.0/24 public-v4");
  await done("router create router1");
  await done("router add subnet router1 calico-v4");
  await done("router set --external-gateway public router1");
  const made = JSON.parse(await done("floatingip create --network public --port vm-a -o json"));
  expect(made).toMatchObject({ port_id: port, fixed_ip_address: "10.65.0.2" });

  const address: string = made.floating_ip_address;
  expect(await done("floatingip list -c floating_ip_address -c Port --no-headers")).toBe(
    `${address}  ${port}\n`,
  );
  expect(await member(`floatingip show ${address} -c fixed_ip_address`)).toBe("10.65.0.2");
  expect(await done("port show vm-a -o yaml -c binding:host_id -c tags")).toBe(
    "binding:host_id: gw1\ntags:\n  - web\n",
  );
  expect(await done("port list --network calico --host gw1 --no-headers -c name")).toBe("vm-a\n");
  expect(await done("__complete floatingips")).toBe(`${address}\n`);

  const explained = JSON.parse(await done(`explain ${address} -o json`));
  expect(explained).toMatchObject({
    summary: `${address} is a floating IP that leads to 10.65.0.2 of port vm-a`,
    handling: { kind: "floating" },
    announcements: [{ prefix: `${address}/32`, kind: "floating", origin: "own" }],
  });
  expect(await done("explain vm-a")).toMatch(
    /^10\.65\.0\.2 is a fixed address of port vm-a on network calico\n/,
  );
  expect(await gwctl("explain 192.0.2.99")).toMatchObject({ exit: 3, out: "" });
  expect(await gwctl(`explain ${address} --from nowhere`)).toMatchObject({ exit: 2 });

  await done("port create --network calico --fixed-ip ip-address=10.65.0.77 vm-b");
  await done(`floatingip set --port vm-b ${address}`);
  expect(await member(`floatingip show ${address} -c fixed_ip_address`)).toBe("10.65.0.77");
  await done(`floatingip unset --port ${address}`);
  expect(await member(`floatingip show ${address} -c port_id`)).toBe("-");

  await done(`floatingip delete ${address}`);
  await done("router unset --external-gateway router1");
  await done("router remove subnet router1 calico-v4");
  await done("router delete router1");
  await done("port delete vm-a vm-b");
  await done("subnet delete calico-v4 public-v4");
  await done("network delete calico public");
  for (const kind of ["network", "subnet", "port", "router", "floatingip"]) {
    expect(await done(`${kind} list -o json`)).toBe("[]\n");
  }
});

test("lists of a member are added to, taken from and emptied", async () => {
  await done("network create lists");
  const subnet = "subnet set lists-v4";
  await done("subnet create --network lists --subnet-range 10.9.0.0/24 --dns-nameserver 192.0.2.1 lists-v4");
  await done(`${subnet} --dns-nameserver 192.0.2.2 --host-route destination=10.8.0.0/24,gateway=10.9.0.9`);
  expect(await member("subnet show lists-v4 -c dns_nameservers")).toBe("192.0.2.1, 192.0.2.2");
  await done("subnet unset --dns-nameserver 192.0.2.1 lists-v4");
  expect(await member("subnet show lists-v4 -c dns_nameservers")).toBe("192.0.2.2");
  await done(`${subnet} --no-dns-nameservers --dns-nameserver 192.0.2.3 --no-host-route`);
  expect(await member("subnet show lists-v4 -c dns_nameservers")).toBe("192.0.2.3");
  expect(await member("subnet show lists-v4 -c host_routes")).toBe("-");
  expect(await gwctl("subnet unset --dns-nameserver 192.0.2.9 lists-v4")).toMatchObject({ exit: 3 });
  const options = "--extra-dhcp-option name=mtu,value=1400 --extra-dhcp-option name=42,value=192.0.2.1";
  await done(`port create --network lists --allowed-address ip-address=10.9.0.200 ${options} vm`);
  await done("port unset --allowed-address ip-address=10.9.0.200 --extra-dhcp-option name=mtu vm");
  expect(await member("port show vm -c allowed_address_pairs")).toBe("-");
  expect(await member("port show vm -c extra_dhcp_opts")).toBe(
    "ip_version=4 opt_name=42 opt_value=192.0.2.1",
  );
  await done("port delete vm");
  await done("network delete lists");
});

test("a subnet is cut from a pool, in an address scope", async () => {
  await done("address scope create inside");
  await done("subnet pool create --pool-prefix 10.96.0.0/16 --address-scope inside private");
  await done("network create pooled");
  await done("subnet create --network pooled --subnet-pool private --prefix-length 26 pooled-v4");
  expect(await member("subnet show pooled-v4 -c cidr")).toBe("10.96.0.0/26");
  await done("network create before");
  await done("subnet create --network before --subnet-range 10.97.0.0/24 before-v4");
  await done("network onboard subnets before private");
  expect(await member("subnet pool show private -c prefixes")).toBe("10.96.0.0/16, 10.97.0.0/24");
  await done("subnet pool add prefix private 10.98.0.0/16 10.99.0.0/16");
  await done("subnet pool remove prefix private 10.98.0.0/16");
  expect(await member("subnet pool show private -c prefixes")).toBe(
    "10.96.0.0/16, 10.97.0.0/24, 10.99.0.0/16",
  );
  expect(await gwctl("subnet pool remove prefix private 10.97.0.0/16")).toMatchObject({ exit: 1 });
  await done("network delete before");
  await done("network delete pooled");
  await done("subnet pool delete private");
  await done("address scope delete inside");
});

test("ports of a floating IP lead to ports of instances", async () => {
  await done("network create inner");
  await done("subnet create --network inner --subnet-range 10.8.0.0/24 inner-v4");
  await done("network create --external outer");
  await done("subnet create --network outer --subnet-range 172.16.8.0/24 outer-v4");
  await done("router create --external-gateway outer router8");
  await done("router add subnet router8 inner-v4");
  await done("port create --network inner vm-8");
  const { floating_ip_address: address } = JSON.parse(await done("floatingip create outer -o json"));
  const route = "--route destination=10.88.0.0/24,gateway=10.8.0.9 router8";
  await done(`router add route ${route}`);
  expect(await done("router show router8 -o json")).toContain("10.88.0.0/24");
  await done(`router remove route ${route}`);
  expect(await member("router show router8 -c routes")).toBe("-");
  expect(await gwctl("router add route router8")).toMatchObject({ exit: 2 });
  const forwarding = "floatingip port forwarding";
  const web = `--protocol tcp --external-protocol-port 443 --internal-protocol-port 8443 --port vm-8 ${address}`;
  const { id } = JSON.parse(await done(`${forwarding} create ${web} -o json`));
  await done(`${forwarding} create ${web.replace("443", "8000:8010").replace("8443", "8000:8010")}`);
  expect(await done(`${forwarding} list ${address} --no-headers -c protocol -c external_port_range`)).toBe(
    "tcp  443:443\ntcp  8000:8010\n",
  );
  expect(await done(`${forwarding} list ${address} --external-protocol-port 443 --no-headers -c ID`)).toBe(
    `${id}\n`,
  );
  await done(`${forwarding} set --internal-protocol-port 9443 --description web ${address} ${id}`);
  expect(await member(`${forwarding} show ${address} ${id} -c internal_port`)).toBe("9443");
  expect((await gwctl(`${forwarding} create ${web}`)).err).toContain("duplicate port forwarding entry");
  expect(await gwctl(`${forwarding} create ${web.replace("443", "x")}`)).toMatchObject({ exit: 2 });
  expect(await gwctl(`${forwarding} show ${address} nothing`)).toMatchObject({ exit: 3 });
  await done(`${forwarding} delete ${address} ${id}`);
  const rest = (await done(`${forwarding} list ${address} -c ID --no-headers`)).trim();
  await done(`${forwarding} delete ${address} ${rest}`);
  await done(`floatingip delete ${address}`);
  await done("router unset --external-gateway router8");
  await done("router remove subnet router8 inner-v4");
  await done("router delete router8");
  await done("port delete vm-8");
  await done("network delete inner outer");
});

test("the BGP speaker is shown as OpenStack has it, and is not changed", async () => {
  const speakers = JSON.parse(await done("bgp speaker list -o json"));
  expect(speakers).toMatchObject([
    { ip_version: 4, local_as: 65_000 },
    { ip_version: 6, local_as: 65_000 },
  ]);
  const [{ name }] = speakers;
  expect(await member(`bgp speaker show ${name} -c local_as`)).toBe("65000");
  expect(await done(`bgp speaker list advertised routes ${name} -o json`)).toBe("[]\n");
  expect(await done("bgp peer list -o json")).toBe("[]\n");
  expect(await gwctl("bgp peer show 192.0.2.9")).toMatchObject({ exit: 3 });
  expect(await gwctl("bgp peer create one")).toMatchObject({ exit: 2 });
});

test("pools and anycast services are made beside those of the file", async () => {
  await done("anycast set --address 192.0.2.53 --member 10.65.0.20 --health tcp:53 dns");
  await done("anycast set --member 10.65.0.21 dns");
  expect(JSON.parse(await done("anycast show dns -o json"))).toEqual({
    name: "dns",
    origin: "api",
    definition: { address: "192.0.2.53", members: ["10.65.0.21"], health: { type: "tcp", port: 53 } },
  });
  expect(await done("anycast list --no-headers")).toBe("dns  API\n");
  expect(await done("show anycast --no-headers")).toMatch(/^dns +192\.0\.2\.53 +no +10\.65\.0\.21/);
  const pool = lab.write("pool.yaml", "addresses: 198.51.100.40/31\nports: 2000-3000\n");
  await done(`pool set --file ${pool} second`);
  expect(await done("show nat")).toContain("198.51.100.40");
  expect(await gwctl("pool set --address x second")).toMatchObject({ exit: 2 });
  expect((await gwctl("anycast set --address 198.51.100.41 other")).err).toMatch(/198\.51\.100\.41/);
  expect(await gwctl("pool show first")).toMatchObject({ exit: 3 });
  await done("pool delete second");
  await done("anycast delete dns");
  expect(await done("anycast list --no-headers")).toBe("");
});

test("security groups, their rules, and quotas", async () => {
  expect((await gwctl("security group create web")).err).toBe(
    "note: gatewayd filters no packets: security groups and their rules are kept, and do nothing\n",
  );
  const rule = await member("security group rule create --protocol tcp --dst-port 443 -c id web");
  expect(await done("security group rule list --group web --ingress -c from_port -c id --no-headers")).toBe(
    `-  ${rule}\n`,
  );
  expect(await member(`security group rule show ${rule} -c port_range_max`)).toBe("443");
  await done(`security group rule delete ${rule}`);
  await done("security group delete web");
  await done("quota set --floating-ips 7 --ports -1 other");
  expect(JSON.parse(await done("quota show -o json other"))).toMatchObject({ floatingip: 7, port: -1 });
  expect(await done("quota list --no-headers")).toMatch(/^other {2}/);
  await done("quota delete other");
  await done("network create --project web named");
  const { project_id } = JSON.parse(await done("network show named -o json"));
  expect(project_id).toMatch(/^[0-9a-f]{32}$/);
  expect(await done("network list --project web -c name --no-headers")).toBe("named\n");
  expect(await done("ip availability list --network named -c network_name -c total_ips --no-headers")).toBe(
    "named  0\n",
  );
  await done("network delete named");
  await done("quota set --routers 3 web");
  expect(await done("quota list --no-headers")).toContain(project_id);
  await done("quota delete web");
  expect(JSON.parse(await done("quota show -o json"))).toMatchObject({ floatingip: 50 });
});

describe("what cannot be done says why, and what helps", () => {
  beforeAll(async () => {
    await done("network create twin");
    await done("network create twin");
    await done("network create full");
    await done("subnet create --network full --subnet-range 10.7.0.0/24 full-v4");
    await done("port create --network full vm");
    await done("router create alone");
  });
  test.each([
    ["network show nowhere", 3, /^gwctl: there is no network called nowhere\nhint: gwctl network list /],
    [
      "network show twin",
      1,
      /^gwctl: 2 networks are called twin: [0-9a-f-]{36}, [0-9a-f-]{36}\nhint: use an id\n$/,
    ],
    ["network show 6f1f8d1e-1111-4111-8111-111111111111", 3, /Network 6f1f.* could not be found\.\n$/],
    ["network delete full", 1, /ports still in use on the network.*\nhint: gwctl port list --network/],
    ["network delete nowhere nothing", 3, /called nothing\ngwctl: there is no network called nowhere\n/],
    ["subnet create --network full --subnet-range 10.7.0.0/25 again", 1, /overlaps with another subnet/],
    ["subnet create --subnet-range 10.7.0.0/25 again", 2, /required option '--network <network>'/],
    ["subnet set --allocation-pool from=10.7.0.9 full-v4", 2, /takes start=…,end=…, not from=10\.7\.0\.9/],
    ["network set full", 2, /nothing is to be changed/],
    ["network set --mtu many full", 2, /--mtu takes a whole number, not many/],
    ["router set --disable-snat alone", 2, /the router has no gateway\nhint: .*--external-gateway/],
    ["floatingip create", 2, /say of which/],
    ["floatingip create twin-public", 3, /there is no network called twin-public/],
    ["security group rule create --dst-port x default", 2, /--dst-port takes 80/],
    ["network show full -c colour", 2, /it has no colour\nhint: it has admin_state_up,/],
    ["network list --os-username alice", 2, /there is no password\nhint: --os-password-file/],
  ])("gwctl %s", async (line, exit, err) => {
    const run = await gwctl(line);
    expect(run.err).toMatch(err);
    expect(run.exit).toBe(exit);
  });
  test("nothing that somebody else has changed is overwritten", async () => {
    const runs = await Promise.all(
      ["a", "b", "c", "d"].map((tag) =>
        gwctl(`port set vm --allowed-address ip-address=10.7.0.2${tag.charCodeAt(0) % 10}`),
      ),
    );
    const failed = runs.filter(({ exit }) => exit !== 0);
    for (const { err } of failed) expect(err).toContain("hint: somebody else changed it meanwhile");
    const kept = await member("port show vm -c allowed_address_pairs");
    expect(kept.split(", ")).toHaveLength(runs.length - failed.length);
  });
});

describe("at a URL", () => {
  const url = (): string => `--url http://${lab.address(1)}:${API_PORT}`;
  test("nobody is somebody without saying who", async () => {
    const run = await gwctl(`${url()} network list`);
    expect(run).toMatchObject({ exit: 1, out: "" });
    expect(run.err).toMatch(/requires authentication\.\nhint: say who asks: --os-username/);
  });
  test("a user sees the project's own, by options or by the variables of the openstack client", async () => {
    const options = `--os-username alice --os-project-name web --os-password-file ${lab.path("password")}`;
    await done(`${url()} network create ${options} of-web`);
    const env = { OS_USERNAME: "alice", OS_PASSWORD: "secret-of-alice", OS_PROJECT_NAME: "web" };
    expect(await done(`${url()} network list -c name --no-headers`, env)).toBe("of-web\n");
    expect(JSON.parse(await done(`${url()} quota show --usage -o json`, env))).toMatchObject({
      network: { limit: 100, used: 1 },
    });
    const refused = await gwctl(`${url()} network create --external mine`, env);
    expect(refused).toMatchObject({ exit: 1 });
    expect(refused.err).toMatch(/disallowed by policy\nhint: this takes another role/);
    expect((await gwctl(`${url()} network list`, { ...env, OS_PASSWORD: "no" })).err).toContain(
      "alice is not let in",
    );
    expect((await gwctl(`${url()} network list --os-token forged`)).err).toContain("requires authentication");
  });
});

test("every command shows its options and an example", async () => {
  const { stdout } = await gateway.gwctl("floatingip", "create", "--help");
  expect(stdout).toContain("--fixed-ip-address");
  expect(stdout).toContain("Examples:\n  gwctl floatingip create --network public --port vm-a");
});
