/** What a monitor hears of two speakers that meet, speak, and part. */

import { describe, expect, test } from "vitest";
import { parseAddress, parsePrefix } from "../net/text.ts";
import { ACCEPT_ALL } from "../policy/rules.ts";
import { messageTypeAt } from "../wire/header.ts";
import { MESSAGE_TYPE } from "../wire/messages.ts";
import { PEER_DEFAULTS } from "./options.ts";
import { Speaker } from "./speaker.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const A = parseAddress("192.0.2.1")!;
const B = parseAddress("192.0.2.2")!;
const PREFIX = parsePrefix("203.0.113.0/24")!;

function meeting(): { network: VirtualNetwork; a: Speaker; b: Speaker } {
  const network = new VirtualNetwork({ seed: 1 });
  const speaker = (address: typeof A, asn: number): Speaker =>
    new Speaker(
      { asn, routerId: address, multipath: 1, advertiseInstalledOnly: false },
      network.host(address).world,
    );
  const a = speaker(A, 65001);
  const b = speaker(B, 65002);
  const peer = { ...PEER_DEFAULTS, importPolicy: ACCEPT_ALL, exportPolicy: ACCEPT_ALL };
  a.setPeers([{ ...peer, remote: { address: B }, remoteAsn: 65002 }]);
  b.setPeers([{ ...peer, remote: { address: A }, remoteAsn: 65001, passive: true }]);
  return { network, a, b };
}

describe("a monitor", () => {
  test("hears states, messages, and the session from its OPENs to its end", () => {
    const { network, a, b } = meeting();
    const heard: string[] = [];
    a.monitor({
      stateChanged: (_peer, before, after) => heard.push(`${before} > ${after}`),
      received: (_peer, message) => heard.push(`message ${messageTypeAt(message, 0)}`),
      up: ({ remoteAsn, localAsn, openSent, openReceived }) =>
        heard.push(
          `up ${localAsn} ${remoteAsn} ${messageTypeAt(openSent, 0)}${messageTypeAt(openReceived, 0)}`,
        ),
      updated: (_session, _message, reaction) => heard.push(`updated ${reaction}`),
      down: (session, { cause }) => heard.push(`down ${cause} ${a.sessions().includes(session)}`),
    });
    network.run(5000);
    expect(a.sessions().map(({ remoteAsn, local }) => [remoteAsn, local])).toEqual([[65002, A]]);
    b.announce([{ prefix: PREFIX, tag: 0 }]);
    network.run(1000);
    b.stop({ text: "maintenance" });
    network.run(1000);
    const { update, notification } = MESSAGE_TYPE;
    const order = ["up 65001 65002 11", `message ${update}`, "updated undefined", `message ${notification}`];
    expect(heard.filter((line) => order.includes(line)).slice(-3)).toEqual(order.slice(1));
    expect(heard).toEqual(
      expect.arrayContaining(["open-confirm > established", "established > idle", ...order]),
    );
    expect(heard).toContain("down notification-received true");
    expect(a.sessions()).toEqual([]);
  });

  test("hears no more once it was stopped", () => {
    const { network, a } = meeting();
    let heard = 0;
    const stop = a.monitor({ received: () => heard++ });
    network.run(5000);
    const before = heard;
    expect(before).toBeGreaterThan(0);
    stop();
    network.run(100_000);
    expect(heard).toBe(before);
  });
});
