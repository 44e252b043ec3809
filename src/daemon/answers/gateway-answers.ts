/** Floating IPs, NAT and anycast as the API tells them: the model beside what is in force. */

import type { NextHopAnswer } from "../../api/next-hop-schema.ts";
import type { AnycastAnswer, FloatingIpAnswer, NatAnswer } from "../../api/schema.ts";
import { type Address, hostPrefix, prefixOf, sameAddress } from "../../bgp/net/address.ts";
import { addressKey, formatAddress, formatPrefix } from "../../bgp/net/text.ts";
import type { Snapshot } from "../../gateway/snapshot.ts";
import type { ConntrackUse } from "../../kernel/commands.ts";
import { NO_LIMITS } from "../../model/address-limits.ts";
import type { FloatingIp, Model } from "../../model/model.ts";
import type { Refused } from "../../nat/limits.ts";
import { portText } from "../../nat/members.ts";
import { floatingAddresses } from "../../nat/table.ts";
import { isOfPorts } from "../../neutron/wanted.ts";
import type { HealthChecks } from "../health.ts";
import type { NextHopSnapshot } from "../next-hops.ts";

export function floatingIpAnswers(model: Model, now: Snapshot): FloatingIpAnswer[] {
  const here = new Set(now.intent && floatingAddresses(now.intent.nat).map(formatAddress));
  return model.floatingIps.map((floating) => {
    const address = formatAddress(floating.address);
    const place = here.has(address) ? "here" : "elsewhere";
    const base = { address, ...waysOf(floating), place } as const;
    return place === "here"
      ? { ...base, ...statusHere(floating, now) }
      : { ...base, ...statusElsewhere(floating, now) };
  });
}

function waysOf({
  to,
  egress,
  stateless,
  forwards,
}: FloatingIp): Pick<FloatingIpAnswer, "to" | "egress" | "stateless"> | Pick<FloatingIpAnswer, "forwards"> {
  if (to !== undefined) return { to: formatAddress(to), egress, ...(stateless && { stateless }) };
  return {
    forwards: forwards.map(({ protocol, ports, to: target, toPorts }) => ({
      protocol,
      port: portText(ports),
      to: formatAddress(target),
      toPort: portText(toPorts),
    })),
  };
}

/** Whom it leads to, each once. */
function targetsText({ to, forwards }: FloatingIp): string {
  const targets = to === undefined ? forwards.map((forward) => forward.to) : [to];
  return [...new Set(targets.map(formatAddress))].join(", ");
}

type Status = Pick<FloatingIpAnswer, "status" | "announced" | "reason">;

function statusHere(floating: FloatingIp, now: Snapshot): Status {
  const key = formatPrefix(hostPrefix(floating.address));
  const announced = now.announced.has(key);
  // What was announced before a change was refused stands as it did.
  if (announced) return { status: "ACTIVE", announced };
  const refused = now.failures.get(key) ?? now.failures.get("nat");
  if (refused !== undefined) return { status: "ERROR", announced, reason: refused };
  return { status: "DOWN", announced, reason: `there is no way to ${targetsText(floating)}` };
}

function statusElsewhere(floating: FloatingIp, now: Snapshot): Status {
  if (now.learnedAt(hostPrefix(floating.address)) !== undefined) {
    return { status: "ACTIVE", announced: false };
  }
  const reason = `${targetsText(floating)} is behind no port of this machine, and no peer announces the address`;
  return { status: "DOWN", announced: false, reason };
}

/** What the kernel says of it; undefined where it cannot. */
export interface NatKernel {
  readonly conntrack: ConntrackUse | undefined;
  readonly refused: Refused | undefined;
}

const conntrackOf = ({ count, max, ...failed }: ConntrackUse): NonNullable<NatAnswer["conntrack"]> => ({
  entries: count,
  limit: max,
  ...failed,
});

export function natAnswer(model: Model, now: Snapshot, kernel: NatKernel): NatAnswer {
  const { conntrack, refused } = kernel;
  const { sessionsPerAddress, portsPerAddress, newSessionsPerSecond } =
    model.nat.pools[0]?.limits ?? NO_LIMITS;
  const nat = now.intent?.nat;
  const { timeouts } = model.nat;
  return {
    private: model.nat.private.map(formatPrefix),
    ...(model.nat.prefixes.length > 0 && {
      prefixes: model.nat.prefixes.map(({ internal, external }) => ({
        internal: formatPrefix(internal),
        external: formatPrefix(external),
      })),
    }),
    exempt: nat?.exempt.map(formatPrefix) ?? [],
    untracked: nat?.untracked.map(formatPrefix) ?? [],
    pools: model.nat.pools.map(({ name, addresses, ports, blockSize, mapping, filtering, ...pool }) => ({
      name,
      addresses: addresses.map(formatAddress),
      ...(pool.private.length > 0 && { private: pool.private.map(formatPrefix) }),
      ports: `${ports.first}-${ports.last}`,
      mapping,
      filtering,
      blockSize,
    })),
    floating: nat === undefined ? 0 : new Set(floatingAddresses(nat).map(addressKey)).size,
    timeouts: {
      udp: timeouts.udpMs / 1000,
      icmp: timeouts.icmpMs / 1000,
      tcpEstablished: timeouts.tcpEstablishedMs / 1000,
      tcpOpening: timeouts.tcpOpeningMs / 1000,
      tcpClosing: timeouts.tcpClosingMs / 1000,
    },
    programmed: now.natProgrammed,
    limits: {
      ...(sessionsPerAddress !== undefined && { sessionsPerAddress }),
      ...(portsPerAddress !== undefined && { portsPerAddress }),
      ...(newSessionsPerSecond !== undefined && { newSessionsPerSecond }),
    },
    ...(refused && { refused }),
    ...(conntrack && { conntrack: conntrackOf(conntrack) }),
  };
}

/** @param file - what of the model gateway.yaml says */
export function anycastAnswers(
  model: Model,
  file: Model,
  now: Snapshot,
  checks: HealthChecks,
): AnycastAnswer[] {
  const ofFile = new Set(file.anycast.map(({ name }) => name));
  const isHere = (member: Address): boolean =>
    model.ports.some((port) => port.addresses.some((address) => sameAddress(address, member)));
  return model.anycast.map((service) => {
    const prefix = hostPrefix(service.address);
    const target = now.targetOf(prefix);
    return {
      name: service.name,
      origin: ofFile.has(service.name) ? "file" : isOfPorts(service.name) ? "ports" : "api",
      address: formatAddress(service.address),
      announced:
        now.announced.has(formatPrefix(prefix)) ||
        (now.learnedAt(prefix) !== undefined && now.isInstalled(prefix)),
      members: service.members.map((member) => {
        const address = formatAddress(member);
        if (!isHere(member)) return { address, place: "elsewhere", health: "unknown" } as const;
        const { health, lastError } = checks.state(service.name, member);
        return { address, place: "here", health, ...(lastError !== undefined && { lastError }) } as const;
      }),
      paths: target === undefined ? [] : pathsOf(target),
    };
  });
}

export function nextHopAnswer({ address, way, ...judged }: NextHopSnapshot): NextHopAnswer {
  const { reachable, reason, metric, hops } = judged;
  return {
    nextHop: formatAddress(address),
    reachable,
    ...(reason !== undefined && { reason }),
    ...(reachable && { metric }),
    ...(way?.reachable === true && { route: formatPrefix(prefixOf(address, way.length)) }),
    via: hops.map(({ gateway, interface: name }) =>
      gateway === undefined ? { interface: name } : { gateway: formatAddress(gateway), interface: name },
    ),
  };
}

type Target = NonNullable<ReturnType<Snapshot["targetOf"]>>;

export function pathsOf(target: Target): string[] {
  switch (target.to) {
    case "link":
      return [target.interface];
    case "links":
      return [...target.interfaces];
    case "via":
      return target.nextHops.map(({ address, interface: name, weight }) => {
        const share = weight === undefined ? "" : ` weight ${weight}`;
        return `${formatAddress(address)} dev ${name}${share}`;
      });
    case "discard":
      return [];
    default:
      return target satisfies never;
  }
}
