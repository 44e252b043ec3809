/** What a sample source tells of translations. */

import type {
  NatLogAnswer,
  NatMappingsAnswer,
  NatPoolAnswer,
  NatSessionsAnswer,
  NatTopAnswer,
  NatTraceAnswer,
} from "./nat-schema.ts";

export interface NatLists {
  readonly natSessions: NatSessionsAnswer;
  readonly natTop: NatTopAnswer;
  readonly natPools: readonly NatPoolAnswer[];
  readonly natLog: NatLogAnswer;
  readonly natMappings: NatMappingsAnswer;
  readonly natTrace: NatTraceAnswer;
}

export function natLists(): NatLists {
  const seen = { tracked: 1204, complete: true };
  const [inner, outer] = ["10.65.0.2:41000", "198.51.100.10:3127"];
  const base = { private: inner, public: outer, remote: "192.0.2.80:443" };
  return {
    natSessions: {
      ...seen,
      matching: 2,
      sessions: [
        { protocol: "tcp", direction: "out", ...base, leftSeconds: 7210 },
        { protocol: "udp", direction: "out", ...base, remote: "192.0.2.53:53", leftSeconds: 118 },
      ],
    },
    natTop: { ...seen, matching: 902, top: [{ private: "10.65.0.2", sessions: 900 }] },
    natTrace: sampleTrace(),
    natMappings: {
      listen: ["10.65.0.1"],
      epochSeconds: 93_784,
      mappings: [
        { protocol: "tcp", private: "10.65.0.2:22", public: "198.51.100.10:2222", leftSeconds: 6912 },
      ],
    },
    natLog: {
      events: ["sessions", "blocks", "limits"],
      destinations: false,
      lostInKernel: 3,
      outputs: [
        { kind: "file", target: "/var/log/gatewayd/nat.jsonl", written: 1204, lost: 0, waitingOctets: 0 },
        {
          ...{ kind: "ipfix", target: "udp:192.0.2.21:4739", written: 1180, lost: 24, waitingOctets: 0 },
          lastError: "send ECONNREFUSED",
        },
      ],
    },
    natPools: [
      {
        pool: "default",
        address: "198.51.100.10",
        state: "active",
        sessions: 902,
        users: 2,
        ports: 64_512,
        used: { icmp: 0, tcp: 310, udp: 412 },
        blocks: { total: 63, given: 58 },
        overflow: { spare: 7, given: 2 },
        mapping: "endpointIndependent",
        filtering: "addressAndPortDependent",
      },
    ],
  };
}

function sampleTrace(): NatTraceAnswer {
  const chosen =
    "th sport 1024-65535 meta l4proto { tcp, udp } ip saddr . meta l4proto . th sport != @endpoints snat ip to ip saddr:th sport";
  const says = "the source becomes an endpoint of its pool that nobody else has";
  return {
    ...{ asked: "tcp 10.65.0.20:41000 > 192.0.2.80:443", verdict: "translated", why: says },
    ...{ source: { address: "198.51.100.10", ports: "41000" }, pool: "default", programmed: true },
    steps: [
      { chain: "raw_prerouting", rule: "jump raw", says: "" },
      { chain: "srcnat", rule: "ip saddr @private goto pools", says: "" },
      { chain: "endpoint_1024_65535", rule: chosen, says },
    ],
    live: {
      ...{ seen: true, source: "198.51.100.10", destination: "192.0.2.80" },
      steps: [
        { table: "gatewayd", chain: "srcnat", rule: "ip saddr @private goto pools", verdict: "goto pools" },
        { table: "gatewayd", chain: "endpoint_1024_65535", rule: chosen, verdict: "accept" },
      ],
    },
  };
}
