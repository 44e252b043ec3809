/** Starting, stopping, dying, and what keeps a gateway from starting. */

import { chmodSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gatewayFile, listeningAt, type PeerEntry } from "./gateway-file.ts";
import { GoodPeer } from "./good-peer.ts";
import { type Daemon, eventually, gatewayd, Lab, PORT, runToEnd } from "./lab.ts";
import { TYPE } from "./octets.ts";
import { RawPeer } from "./raw-peer.ts";

const root = process.getuid?.() === 0;
/** setpriv(1), so that root can see what others see. */
const WITHOUT = (...capabilities: readonly string[]): string[] => {
  const list = capabilities.map((name) => `-${name}`).join(",");
  return ["setpriv", `--bounding-set=${list}`, `--inh-caps=${list}`];
};

let lab: Lab;
let peers: GoodPeer[];
beforeEach(() => {
  lab = new Lab();
  peers = [];
});
afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  await lab.remove();
});

async function goodPeer(last: number): Promise<GoodPeer> {
  const gateway = { address: lab.address(1), port: PORT, asn: 65_000 };
  const peer = await GoodPeer.start({ address: lab.address(last), asn: 64_512, gateway });
  peers.push(peer);
  return peer;
}

const passivePeer = (last: number): PeerEntry => ({ address: lab.address(last), asn: 64_512, passive: true });
const TO_GATEWAY = (): { host: string; port: number } => ({ host: lab.address(1), port: PORT });
const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

function started(name = "gw", wanted: Parameters<typeof gatewayFile>[2] = {}): Promise<Daemon> {
  return lab.start(lab.write(`${name}.yaml`, gatewayFile(lab, name, wanted)), lab.path(`${name}.sock`));
}

/** A gateway and another one that has a session with it. */
async function two(): Promise<readonly [gateway: Daemon, other: Daemon]> {
  const address = lab.address(1);
  const up = { at: 2, asn: 64_512, routerId: "192.0.2.2", peers: [{ address, asn: 65_000 }] };
  const both = await Promise.all([started("gw", { peers: [passivePeer(2)] }), started("up", up)]);
  await both[1].established(address);
  return both;
}

describe("an end on request", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s: peers are told why", async (signal) => {
    const gateway = await started("gw", { peers: [passivePeer(2), passivePeer(3)] });
    const both = [await goodPeer(2), await goodPeer(3)];
    await gateway.established(lab.address(2), lab.address(3));
    gateway.signal(signal);
    expect(await gateway.end()).toMatchObject({ status: 0, signal: null, stdout: "" });
    expect(exists(gateway.socket)).toBe(false);
    for (const peer of both) {
      await eventually("the NOTIFICATION", () => peer.events.some(({ on }) => on === "session-down"));
      expect(peer.events).toContainEqual(
        expect.objectContaining({
          on: "notification-received",
          code: 6,
          subcode: 2,
          communication: "gatewayd was stopped",
        }),
      );
    }
    await gateway.logged("gateway.stop", { signal });
  });

  test("with graceful restart on both sides, the words come inside a hard reset (RFC 8538)", async () => {
    const [gateway, other] = await two();
    gateway.signal("SIGTERM");
    expect(await gateway.end()).toMatchObject({ status: 0 });
    const line = await other.logged("bgp.notification.received", { peer: lab.address(1) });
    expect(line).toMatchObject({ code: 6, subcode: 9, communication: "gatewayd was stopped" });
  });

  test("peers that hang, and clients of the API that do, delay it by no more than 2 s", async () => {
    const gateway = await started("gw", { peers: [passivePeer(2), passivePeer(3)] });
    const silent = await RawPeer.connect(lab.address(2), lab.address(1), PORT);
    await silent.received(TYPE.open);
    const up = await RawPeer.connect(lab.address(3), lab.address(1), PORT);
    await up.establish({ asn: 64_512, id: [192, 0, 2, 3] });
    // Neither reads on, so that neither sees the end.
    for (const { socket } of [silent, up]) socket.pause();
    const half = createHalfRequest(gateway.socket);
    gateway.signal("SIGTERM");
    expect(await gateway.end()).toMatchObject({ status: 0 });
    silent.drop();
    up.drop();
    half();
  });

  test("during the start, it ends as soon as it is up", async () => {
    const daemon = lab.spawn(lab.write("gw.yaml", gatewayFile(lab, "gw")), lab.path("gw.sock"));
    await daemon.logged("gateway.start");
    daemon.signal("SIGTERM");
    expect(await daemon.end()).toMatchObject({ status: 0, signal: null });
    expect(exists(daemon.socket)).toBe(false);
  });

  test("a reload during the start is done when it is up", async () => {
    const daemon = lab.spawn(lab.write("gw.yaml", gatewayFile(lab, "gw")), lab.path("gw.sock"));
    await daemon.logged("gateway.start");
    daemon.signal("SIGHUP");
    await daemon.logged("config.loaded");
    expect(daemon.ended).toBeUndefined();
  });
});

describe("gatewayd stop", () => {
  test.each<[string, readonly string[], number, string]>([
    ["plain", [], 9, "gatewayd was stopped"],
    ["plain, with words", ["--text", "rack 7 moves"], 9, "rack 7 moves"],
    ["graceful", ["--graceful"], 4, "gatewayd restarts"],
    ["graceful, with words", ["--graceful", "--text", "upgrade to 2.0"], 4, "upgrade to 2.0"],
  ])("%s: what the peer hears", async (_, flags, subcode, communication) => {
    const [gateway, other] = await two();
    const ended = await gatewayd("stop", "--socket", gateway.socket, ...flags);
    expect(ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(() => process.kill(gateway.pid, 0)).toThrow("ESRCH");
    expect(await gateway.end()).toMatchObject({ status: 0, signal: null });
    const line = await other.logged("bgp.notification.received", { peer: lab.address(1) });
    expect(line).toMatchObject({ code: 6, subcode, communication });
  });

  test("SIGUSR2 is a graceful stop", async () => {
    const gateway = await started("gw", { peers: [passivePeer(2)] });
    const peer = await goodPeer(2);
    await gateway.established(lab.address(2));
    gateway.signal("SIGUSR2");
    expect(await gateway.end()).toMatchObject({ status: 0, signal: null });
    await gateway.logged("gateway.stop", { signal: "SIGUSR2", graceful: true });
    await eventually("the end", () => peer.events.some(({ on }) => on === "session-down"));
  });

  test("nobody is there", async () => {
    const ended = await gatewayd("stop", "--socket", lab.path("none.sock"));
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toContain("there is no such socket");
  });
});

describe("a sudden end", () => {
  test("kill -9, and the next one takes the same socket and the same peers", async () => {
    const first = await started("gw", { peers: [passivePeer(2)] });
    const peer = await goodPeer(2);
    await first.established(lab.address(2));
    await first.kill();
    expect(exists(first.socket)).toBe(true);
    const second = await lab.start(lab.path("gw.yaml"), first.socket);
    await second.established(lab.address(2));
    expect(peer.flaps).toBe(1);
    expect((await second.gwctl("show", "status")).status).toBe(0);
  });

  test("whoever reads the log goes away: the gateway does not", async () => {
    const gateway = await started("gw", { peers: [passivePeer(2)] });
    gateway.child.stderr!.destroy();
    const peer = await goodPeer(2);
    await gateway.established(lab.address(2));
    await peer.stop();
    peers = [];
    await eventually("the lost session", async () => (await gateway.peer(lab.address(2)))?.flaps === 1);
    const { loadedAt } = (await gateway.status()).config;
    gateway.signal("SIGHUP");
    await eventually("the reload", async () => (await gateway.status()).config.loadedAt !== loadedAt);
    gateway.signal("SIGTERM");
    expect(await gateway.end()).toMatchObject({ status: 0 });
  });
});

test.runIf(root)("more connections than it may have files do not end it", async () => {
  const config = gatewayFile(lab, "gw", { peers: [{ range: `${lab.prefix}.64/26`, asn: 64_512 }] });
  const gateway = await lab.start(lab.write("gw.yaml", config), lab.path("gw.sock"));
  const limited = await runToEnd("prlimit", ["--pid", String(gateway.pid), "--nofile=64:64"]);
  expect(limited).toMatchObject({ status: 0 });
  const guests = Array.from({ length: 200 }, (_, i) =>
    connect({ ...TO_GATEWAY(), localAddress: lab.address(64 + (i % 60)) }),
  );
  for (const socket of guests) socket.on("error", () => undefined);
  await eventually("all have been tried", () => guests.every((socket) => !socket.connecting));
  for (const socket of guests) socket.destroy();
  await eventually("the API answers again", async () => (await gateway.tryGet("/readyz"))?.status === 200);
  const peer = await RawPeer.connect(lab.address(124), lab.address(1), PORT);
  await peer.establish({ asn: 64_512, id: [192, 0, 2, 3] });
  expect(gateway.text).toBe("");
  peer.drop();
});

/** A gateway that cannot start: status 1, one fatal line that says `what`, and nothing left behind. */
async function expectFailure(daemon: Daemon, what: RegExp): Promise<void> {
  expect(await daemon.end()).toMatchObject({ status: 1, signal: null, stdout: "" });
  expect(daemon.events("gateway.failed")).toEqual([
    expect.objectContaining({ level: "fatal", msg: expect.stringMatching(what) }),
  ]);
  // No stack: it is no bug of ours.
  expect(daemon.text).toBe("");
}

describe("what keeps it from starting", () => {
  test("a second gateway on the same socket leaves the first alone", async () => {
    const first = await started("gw", { peers: [passivePeer(2)] });
    const peer = await goodPeer(2);
    await first.established(lab.address(2));
    // Another address, so that only the socket is in its way; the same peer, which it must not talk to.
    const config = gatewayFile(lab, "gw", { at: 9, peers: [{ address: lab.address(2), asn: 64_512 }] });
    const second = lab.spawn(lab.write("second.yaml", config), first.socket);
    await expectFailure(second, /gw\.sock.*(another|other) .*socket/);
    expect(await first.peer(lab.address(2))).toMatchObject({ state: "established", flaps: 0 });
    expect(peer.flaps).toBe(0);
    expect(peer.events.filter(({ on }) => on === "collision")).toEqual([]);
  });

  test("BGP's port is taken", async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(PORT, lab.address(2), resolve));
    const config = listeningAt(
      gatewayFile(lab, "gw"),
      [1, 2, 3].map((last) => lab.address(last)),
      PORT,
    );
    const daemon = lab.spawn(lab.write("gw.yaml", config), lab.path("gw.sock"));
    await expectFailure(daemon, new RegExp(`${lab.address(2)} port ${PORT}.*bgp\\.listen`));
    expect(exists(daemon.socket)).toBe(false);
    squatter.close();
  });

  test("BGP's address is not here", async () => {
    const config = listeningAt(gatewayFile(lab, "gw"), ["192.0.2.1"], PORT);
    const daemon = lab.spawn(lab.write("gw.yaml", config), lab.path("gw.sock"));
    await expectFailure(daemon, /192\.0\.2\.1 port .*bgp\.listen\.addresses/);
  });

  test("the API's TCP port is taken", async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(PORT, lab.address(2), resolve));
    const config = gatewayFile(lab, "gw", {
      sections: { api: { socket: lab.path("gw.sock"), listen: `${lab.address(2)}:${PORT}` } },
    });
    const daemon = lab.spawn(lab.write("gw.yaml", config), lab.path("gw.sock"));
    await expectFailure(daemon, new RegExp(`${lab.address(2)}:${PORT}.*in use`));
    expect(exists(daemon.socket)).toBe(false);
    squatter.close();
  });

  test("a file lies where the socket should be: it is left alone", async () => {
    const daemon = lab.spawn(
      lab.write("gw.yaml", gatewayFile(lab, "gw")),
      lab.write("gw.sock", "somebody's data\n"),
    );
    await expectFailure(daemon, /gw\.sock.*not a socket/);
    expect(exists(daemon.socket)).toBe(true);
  });

  test.runIf(root)("a port below 1024 without the privilege", async () => {
    const config = listeningAt(gatewayFile(lab, "gw"), [lab.address(1)], 179);
    const wrapper = WITHOUT("net_bind_service");
    const daemon = lab.spawn(lab.write("gw.yaml", config), lab.path("gw.sock"), wrapper);
    await expectFailure(daemon, /port 179.*CAP_NET_BIND_SERVICE.*bgp\.listen\.port/);
  });

  test.runIf(root)("the kernel without CAP_NET_ADMIN", async () => {
    const config = gatewayFile(lab, "gw", { sections: { kernel: { type: "linux" } } });
    const daemon = lab.spawn(lab.write("gw.yaml", config), lab.path("gw.sock"), WITHOUT("net_admin"));
    await expectFailure(daemon, /CAP_NET_ADMIN.*kernel: \{ type: none \}/);
    expect(exists(daemon.socket)).toBe(false);
  });

  test("the socket's directory is a file", async () => {
    const socket = `${lab.write("file", "")}/gw.sock`;
    const file = lab.write("gw.yaml", gatewayFile(lab, "gw", { sections: { api: { socket } } }));
    await expectFailure(lab.spawn(file, socket), /\/file/);
  });

  test.runIf(root)("the socket's directory is not for it to write to", async () => {
    const file = lab.write("gw.yaml", gatewayFile(lab, "gw"));
    chmodSync(lab.directory, 0o555);
    // Root needs a capability for what others may not do.
    await expectFailure(lab.spawn(file, lab.path("gw.sock"), WITHOUT("all")), /gw\.sock.*permission denied/);
  });
});

/** Asks half a question over the API's socket and waits. What it returns ends that. */
function createHalfRequest(path: string): () => void {
  const socket = connect(path);
  socket.on("error", () => undefined);
  socket.write("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n");
  return () => socket.destroy();
}
