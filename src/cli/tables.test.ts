import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Sample, sampleSource } from "../api/sample.ts";
import { samplePeer } from "../api/sample-peers.ts";
import { createApi } from "../api/server.ts";
import { Place } from "./testing/place.ts";

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.remove());

const serve = (sample: Partial<Sample> = {}): Promise<string> =>
  place.serve(createApi(sampleSource(sample), place.options));

describe("tables, to the letter", () => {
  const golden = (text: string): string => text.replace(/^\n/, "");

  test.each<[string, string]>([
    [
      "show peers",
      `
Peer             AS   Up/Down  State/PfxRcd  Received  Accepted  Advertised  Description/Last error
198.51.100.2  64512     1d02h             1         1         1           4  ToR 1
198.51.100.3  64512  00:12:31        Active         0         0           0  ToR 2: received Cease, administrative shutdown: "maintenanc…
`,
    ],
    [
      "show peers -o wide --no-headers",
      `
198.51.100.2  64512     1d02h       1  1  1  4  0  9  no  up  198.51.100.2  ipv4,ipv6  upstream  ToR 1  -
198.51.100.3  64512  00:12:31  Active  0  0  0  1  -  no  -   -             -          upstream  ToR 2  2026-11-21T09:50:33.000Z received Cease, administrative shutdown: "maintenance until noon"
`,
    ],
    [
      "show routes --kind anycast",
      `
Prefix         Kind     Next hop      Peer          Path       Pref  MED  Local  Installed  AS path
192.0.2.53/32  anycast  192.168.8.11  192.168.8.11  best        100    -  no     yes        -
192.0.2.53/32  anycast  192.168.8.12  192.168.8.12  multipath   100    -  no     yes        -
`,
    ],
    [
      "show route 192.0.2.53/32",
      `
Prefix         Kind     Local  Installed
192.0.2.53/32  anycast  no     yes

Path       Next hop      Peer          Pref  MED  Origin  Communities  AS path      RPKI   Import rule
best       192.168.8.11  192.168.8.11   100    -  igp     -            -            -      -
multipath  192.168.8.12  192.168.8.12   100    -  igp     -            -            -      -
localPref  198.51.100.2  198.51.100.2   100    -  igp     64512:100    64512 64513  valid  transit[1]

To peer       Sent  Why
198.51.100.2  yes   accepted by rule export[0]
198.51.100.3  no    no session
`,
    ],
    [
      "show announcements --prefix 203.0.113.0/24",
      `
Prefix          Kind    Peer          Next hop      MED  Communities  AS path
203.0.113.0/24  public  198.51.100.2  198.51.100.1    -  64512:100    65000
`,
    ],
    [
      "show received 198.51.100.2",
      `
Prefix      Accepted  Rule        RPKI       Next hop      Pref  MED  Origin  Communities  AS path      Changed to
0.0.0.0/0   yes       transit[1]  not-found  198.51.100.2     -    -  igp     64512:100    64512        localPref=200, communities=64512:100 65000:1
10.0.0.0/8  no        transit[0]  invalid    198.51.100.2     -    -  igp     -            64512 64513  -
`,
    ],
    [
      "show advertised 198.51.100.2 --prefix 203.0.113.0/24",
      `
Prefix          Kind    Rule       Next hop      Pref  MED  Origin  Communities  AS path
203.0.113.0/24  public  export[0]  198.51.100.1     -    -  igp     64512:100    65000
`,
    ],
    [
      "show floatingips",
      `
Address     To                                                            Egress    Place      Status  Announced  Reason
172.16.1.3  10.65.0.13                                                    floating  here       ACTIVE  yes        -
172.16.1.4  10.65.0.99                                                    fixed     elsewhere  DOWN    no         no route to 10.65.0.99
172.16.1.5  tcp 443 > 10.65.0.13:8443, udp 5000-5099 > 10.65.0.14:5000-…  -         here       ACTIVE  yes        -
`,
    ],
    [
      "show anycast",
      `
Service  Address     Announced  Member      Place  Health  Last error
dns      192.0.2.53  yes        10.65.0.20  here   up      -
dns      192.0.2.53  yes        10.65.0.21  here   down    connection refused
`,
    ],
    [
      "show nat",
      `
Programmed        yes
Floating IPs      1
Private           10.65.0.0/16
Never translated  10.0.0.0/8 192.168.0.0/16
Never tracked     203.0.113.0/24
Silence allowed   udp 300 s, icmp 60 s, tcp 7440 s, opening 240 s, closing 240 s
Flows tracked     1204 of 262144
Flows lost        0 without a free port, 0 without an entry
Limits            2000 sessions for each private address
Refused           12 for sessions, 0 for new sessions, 0 for ports

Pool     Ports       Block  Mapping                  Filtering                Serves    Addresses  From
default  1024-65535   1024  addressAndPortDependent  addressAndPortDependent  the rest          2  198.51.100.10 198.51.100.16
`,
    ],
    [
      "show status",
      `
State          degraded
Host           gw1 (gateway)
AS             65000, router ID 192.168.8.1
Up             1d02h
Version        0.1.0
Peers          1 established, 2 configured by address
Kernel         connected, 5 routes, 1 restarts, 2 repairs
Configuration  /etc/gatewayd/gateway.yaml, loaded 2026-11-21T08:00:00.000Z

Problem             Subject        Message
nexthop.unresolved  172.16.1.4/32  no route to 10.65.0.99
`,
    ],
    [
      "show peer 198.51.100.3",
      `
Peer              198.51.100.3
Description       ToR 2
Group             upstream
AS                64512
Local AS          65000
State             Active for 00:12:31
Timers            next attempt in 4 s
Several paths     no
MD5               yes
TTL security      no
Graceful restart  not negotiated, 2 stale paths
Stale             ipv4, long-lived: 2 paths for 00:03:12, 00:56:48 left
Prefixes          0 received, 0 accepted, 0 advertised
Limits            255 AS numbers, 1000 communities
Received          1 open, 2 update, 12 keepalive, 1 notification
Sent              2 open, 5 update, 13 keepalive
UPDATE errors     1 treat-as-withdraw; gwctl show errors 198.51.100.3
Flaps             1
Last error        2026-11-21T09:50:33.000Z received Cease, administrative shutdown: "maintenance until noon"
Last received     2026-11-21T09:50:33.000Z NOTIFICATION Cease, administrative shutdown: "maintenance until noon"
`,
    ],
  ])("gwctl %s", async (line, text) => {
    await serve();
    expect(await place.gwctl(line)).toEqual({ exit: 0, out: golden(text), err: "" });
  });

  test("what a peer says cannot draw on the screen or add a line", async () => {
    const lastError = { at: "2026-11-21T09:50:33.000Z", text: "\u001b[2J\nroot# \u202e" };
    await serve({ peers: [samplePeer({ state: "idle", description: "\u009b31m", lastError })] });
    for (const line of ["show peers", "show peers -o wide", "show peer 198.51.100.2", "show peers -o yaml"]) {
      const { out } = await place.gwctl(line);
      expect(out.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\u202e/u);
      expect(out).toMatch(/x9b31m|u009b31m/);
    }
  });
});
