import { describe, expect, test } from "vitest";
import type { Capability, Open } from "../wire/messages.ts";
import { negotiate, type Offer, openFor, type SecondsByFamily } from "./negotiation.ts";

const OFFER: Offer = {
  asn: 65000,
  routerId: 1,
  holdSeconds: 90,
  families: [4, 6],
  addPath: undefined,
  gracefulRestart: {
    restartSeconds: 120,
    restarting: true,
    forwarding: true,
    notification: true,
    longLivedSeconds: {},
  },
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
      longLived: undefined,
    });
  });
  test("N counts only when both sent it (RFC 8538 §3)", () => {
    const offer = { gracefulRestart: { ...OFFER.gracefulRestart!, notification: false } };
    expect(agreed([...both, restart], offer).gracefulRestart?.notification).toBe(false);
  });
  test("of several, the last counts (RFC 4724 §3)", () => {
    const twice = [
      ...both,
      restart,
      { ...restart, restartSeconds: 7, families: [{ ...V6, forwarding: true }] },
    ];
    expect(agreed(twice).gracefulRestart).toMatchObject({ restartSeconds: 7, families: [6] });
  });
  test("graceful restart is nothing that one side can do alone", () => {
    expect(agreed([...both, restart], { gracefulRestart: undefined }).gracefulRestart).toBeUndefined();
    expect(agreed(both).gracefulRestart).toBeUndefined();
  });
});

describe("long-lived graceful restart (RFC 9494)", () => {
  const restart: Capability = {
    is: "graceful-restart",
    restarting: false,
    notification: false,
    restartSeconds: 60,
    families: [{ ...V4, forwarding: true }],
  };
  const both: readonly Capability[] = [
    { is: "multiprotocol", ...V4 },
    { is: "multiprotocol", ...V6 },
  ];
  const longLived = (v4: number, v6: number): Capability => ({
    is: "long-lived-graceful-restart",
    families: [
      { ...V4, forwarding: true, staleSeconds: v4 },
      { ...V6, forwarding: false, staleSeconds: v6 },
      { afi: 25, safi: 65, forwarding: true, staleSeconds: 9 },
    ],
  });
  const asked = (longLivedSeconds: SecondsByFamily): Partial<Offer> => ({
    gracefulRestart: { ...OFFER.gracefulRestart!, longLivedSeconds },
  });

  test.each<[string, SecondsByFamily, readonly Capability[], unknown]>([
    ["the lesser of both counts", { 4: 100, 6: 7200 }, [restart, longLived(3600, 300)], { 4: 100, 6: 300 }],
    ["a family that one side leaves out has none", { 6: 7200 }, [restart, longLived(3600, 300)], { 6: 300 }],
    ["0 is none", { 4: 100, 6: 900 }, [restart, longLived(0, 300)], { 6: 300 }],
    ["who only knows the community names no family", {}, [restart, longLived(3600, 300)], {}],
    ["twice: the last counts", { 4: 900 }, [restart, longLived(60, 0), longLived(600, 0)], { 4: 600 }],
    [
      "without the capability of RFC 4724 it says nothing (§4.5)",
      { 4: 100 },
      [longLived(3600, 300)],
      undefined,
    ],
    ["a peer that does not know it", { 4: 100 }, [restart], undefined],
  ])("%s", (_, seconds, theirs, agreedOn) => {
    expect(agreed([...both, ...theirs], asked(seconds)).gracefulRestart?.longLived?.seconds).toEqual(
      agreedOn,
    );
  });

  test("forwarding, per family, and only where there is a time", () => {
    const both6 = agreed([...both, restart, longLived(10, 10)], asked({ 4: 60, 6: 60 }));
    expect(both6.gracefulRestart?.longLived).toEqual({ seconds: { 4: 10, 6: 10 }, forwarding: [4] });
    const only6 = agreed([...both, restart, longLived(10, 10)], asked({ 6: 60 }));
    expect(only6.gracefulRestart?.longLived?.forwarding).toEqual([]);
  });

  test("our OPEN names the families for which it was asked for, and no other (§5)", () => {
    const { capabilities } = openFor({ ...OFFER, ...asked({ 6: 3600 }) });
    expect(capabilities.at(-1)).toEqual({
      is: "long-lived-graceful-restart",
      families: [{ ...V6, forwarding: true, staleSeconds: 3600 }],
    });
    expect(openFor({ ...OFFER, ...asked({ 4: 0 }) }).capabilities.at(-1)?.is).toBe("graceful-restart");
  });
});

test("the role is in the OPEN when there is one, and what the peer says of its own is kept", () => {
  expect(openFor({ ...OFFER, role: "customer" }).capabilities.at(-1)).toEqual({ is: "role", role: 3 });
  expect(agreed([{ is: "role", role: 0 }]).remoteRole).toBe("provider");
  expect(agreed([]).remoteRole).toBeUndefined();
  expect(agreed([{ is: "role", role: 77 }]).remoteRole).toBeUndefined();
});

const V4_TOO: Capability = { is: "multiprotocol", ...V4 };

test("IPv6 next hops of IPv4 prefixes, when both can (RFC 8950 §4)", () => {
  const tuples = [{ ...V4, nextHopAfi: 2 }];
  const can: Capability = { is: "extended-next-hop", tuples };
  const offer = { extendedNextHop: true };
  expect(openFor({ ...OFFER, ...offer }).capabilities).toContainEqual(can);
  expect(openFor({ ...OFFER, ...offer, families: [6] }).capabilities).not.toContainEqual(can);
  expect(agreed([V4_TOO, can], offer).decode.extendedNextHop).toBe(true);
  expect(agreed([V4_TOO, can]).decode.extendedNextHop).toBe(false);
  expect(agreed([V4_TOO], offer).decode.extendedNextHop).toBe(false);
  const other: Capability = { is: "extended-next-hop", tuples: [{ afi: 1, safi: 128, nextHopAfi: 2 }] };
  expect(agreed([V4_TOO, other], offer).decode.extendedNextHop).toBe(false);
});
