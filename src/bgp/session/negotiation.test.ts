import { describe, expect, test } from "vitest";
import type { Capability, Open } from "../wire/messages.ts";
import { negotiate, type Offer, openFor } from "./negotiation.ts";

const OFFER: Offer = {
  asn: 65000,
  routerId: 1,
  holdSeconds: 90,
  families: [4, 6],
  addPath: undefined,
  gracefulRestart: { restartSeconds: 120, restarting: true, forwarding: true, notification: true },
  role: undefined,
};
const V4 = { afi: 1, safi: 1 };
const V6 = { afi: 2, safi: 1 };
const theirs = (capabilities: readonly Capability[], more: Partial<Open> = {}): Open => ({
  asn: 64512,
  holdSeconds: 30,
  routerId: 2,
  capabilities,
  ...more,
});
const agreed = (
  capabilities: readonly Capability[],
  offer: Partial<Offer> = {},
): ReturnType<typeof negotiate> => negotiate(openFor({ ...OFFER, ...offer }), theirs(capabilities));

describe("our OPEN", () => {
  test("names what we can do", () => {
    expect(openFor(OFFER).capabilities).toEqual([
      { is: "multiprotocol", ...V4 },
      { is: "multiprotocol", ...V6 },
      { is: "route-refresh" },
      { is: "enhanced-route-refresh" },
      { is: "extended-message" },
      { is: "four-octet-as", asn: 65000 },
      {
        is: "graceful-restart",
        restarting: true,
        notification: true,
        restartSeconds: 120,
        families: [
          { ...V4, forwarding: true },
          { ...V6, forwarding: true },
        ],
      },
    ]);
  });
  test("AS_TRANS stands for a number of four octets (RFC 6793 §9)", () => {
    expect(openFor({ ...OFFER, asn: 4_200_000_000 }).asn).toBe(23456);
  });
  test("no graceful restart, no capability", () => {
    const kinds = openFor({ ...OFFER, gracefulRestart: undefined }).capabilities.map(({ is }) => is);
    expect(kinds).not.toContain("graceful-restart");
  });
});

describe("what is agreed on", () => {
  test("a peer that says nothing speaks IPv4 with AS numbers of two octets", () => {
    expect(agreed([])).toMatchObject({
      remoteAsn: 64512,
      external: true,
      holdSeconds: 30,
      families: [4],
      decode: { as4: false, external: true },
      maxOctets: 4096,
      routeRefresh: false,
      gracefulRestart: undefined,
    });
  });
  test("families that both name", () => {
    expect(agreed([{ is: "multiprotocol", ...V6 }]).families).toEqual([6]);
    expect(agreed([{ is: "multiprotocol", ...V6 }], { families: [4] }).families).toEqual([]);
  });
  test("the AS number of the capability, and iBGP by it", () => {
    const negotiated = agreed([{ is: "four-octet-as", asn: 65000 }]);
    expect(negotiated).toMatchObject({
      remoteAsn: 65000,
      external: false,
      encode: { as4: true, external: false },
    });
  });
  test("long messages are sent to who can take them", () => {
    expect(agreed([{ is: "extended-message" }]).maxOctets).toBe(65535);
  });
  const restart: Capability = {
    is: "graceful-restart",
    restarting: false,
    notification: true,
    restartSeconds: 60,
    families: [
      { ...V4, forwarding: true },
      { ...V6, forwarding: false },
      { afi: 25, safi: 65, forwarding: true },
    ],
  };
  const both: readonly Capability[] = [
    { is: "multiprotocol", ...V4 },
    { is: "multiprotocol", ...V6 },
  ];
  test("graceful restart, per family", () => {
    expect(agreed([...both, restart]).gracefulRestart).toEqual({
      restartSeconds: 60,
      restarting: false,
      families: [4, 6],
      forwarding: [4],
      notification: true,
    });
  });
  test("N counts only when both sent it (RFC 8538 §3)", () => {
    const offer = { gracefulRestart: { ...OFFER.gracefulRestart!, notification: false } };
    expect(agreed([...both, restart], offer).gracefulRestart?.notification).toBe(false);
  });
  test("graceful restart is nothing that one side can do alone", () => {
    expect(agreed([...both, restart], { gracefulRestart: undefined }).gracefulRestart).toBeUndefined();
    expect(agreed(both).gracefulRestart).toBeUndefined();
  });
});

test("the role is in the OPEN when there is one, and what the peer says of its own is kept", () => {
  expect(openFor({ ...OFFER, role: "customer" }).capabilities.at(-1)).toEqual({ is: "role", role: 3 });
  expect(agreed([{ is: "role", role: 0 }]).remoteRole).toBe("provider");
  expect(agreed([]).remoteRole).toBeUndefined();
  expect(agreed([{ is: "role", role: 77 }]).remoteRole).toBeUndefined();
});
