/** Answers about the gateway and what it translates, as schemas; what their members mean stands in schema.ts. */

import { z } from "zod";
import type { EventAnswer } from "../event-schema.ts";
import type {
  NatBlockAnswer,
  NatLiveTrace,
  NatLogAnswer,
  NatMappingsAnswer,
  NatPoolAnswer,
  NatSession,
  NatSessionsAnswer,
  NatTopAnswer,
  NatTraceAnswer,
} from "../nat-schema.ts";
import type { OwnAnswer } from "../own-schema.ts";
import type {
  AnycastAnswer,
  ErrorAnswer,
  FloatingIpAnswer,
  NatAnswer,
  ReadyAnswer,
  StatusAnswer,
  StopAnswer,
} from "../schema.ts";
import type { EtcdAnswer, StoreAnswer } from "../store-schema.ts";
import { answer, count, counts, flag, list, oneOf, seconds, text, texts, time } from "./answer.ts";

export const error: z.ZodType<ErrorAnswer> = answer<ErrorAnswer>({
  error: answer<ErrorAnswer["error"]>({ code: text, message: text }, { hint: text }),
});

export const ready: z.ZodType<ReadyAnswer> = answer<ReadyAnswer>({ ready: flag, reasons: texts });

export const stop: z.ZodType<StopAnswer> = answer<StopAnswer>({ stopping: z.literal(true), pid: count });

export const status: z.ZodType<StatusAnswer> = answer<StatusAnswer>(
  {
    version: text,
    role: oneOf(["gateway", "compute"]),
    hostname: text,
    asn: count,
    routerId: text,
    uptimeSeconds: seconds,
    state: oneOf(["starting", "ready", "degraded"]),
    config: answer<StatusAnswer["config"]>({ file: text, loadedAt: time, stale: flag }, { error: text }),
    kernel: answer<StatusAnswer["kernel"]>({
      type: oneOf(["linux", "none"]),
      connected: flag,
      restarts: count,
      routes: count,
      driftRepairs: count,
    }),
    peers: answer<StatusAnswer["peers"]>({ configured: count, established: count }),
    problems: list(answer<StatusAnswer["problems"][number]>({ code: text, subject: text, message: text })),
  },
  {
    dhcp: answer<NonNullable<StatusAnswer["dhcp"]>>({ running: flag, addresses: count, restarts: count }),
  },
);

export const store: z.ZodType<StoreAnswer> = answer<StoreAnswer>(
  { type: oneOf(["none", "local", "etcd"]), at: texts, answers: flag, revision: count, objects: counts },
  {
    prefix: text,
    problem: text,
    etcd: answer<EtcdAnswer>(
      { connected: flag, reconnects: count, watchLag: count },
      { leaseSeconds: seconds },
    ),
  },
);

export const own: z.ZodType<OwnAnswer> = answer<OwnAnswer>(
  { name: text, origin: oneOf(["file", "api"]) },
  { definition: z.record(z.string(), z.unknown()) },
);

/** Facts of an event have names of their own. */
export const event: z.ZodType<EventAnswer> = z.looseObject({
  id: text,
  time: text,
  event: text,
  level: text,
  msg: z.exactOptional(text),
});

type Forward = NonNullable<FloatingIpAnswer["forwards"]>[number];

export const floatingIp: z.ZodType<FloatingIpAnswer> = answer<FloatingIpAnswer>(
  {
    address: text,
    place: oneOf(["here", "elsewhere"]),
    status: oneOf(["ACTIVE", "DOWN", "ERROR"]),
    announced: flag,
  },
  {
    to: text,
    egress: oneOf(["fixed", "floating"]),
    stateless: z.literal(true),
    forwards: list(answer<Forward>({ protocol: oneOf(["tcp", "udp"]), port: text, to: text, toPort: text })),
    reason: text,
  },
);

type Pool = NatAnswer["pools"][number];

export const nat: z.ZodType<NatAnswer> = answer<NatAnswer>(
  {
    private: texts,
    exempt: texts,
    untracked: texts,
    pools: list(
      answer<Pool>(
        {
          name: text,
          addresses: texts,
          ports: text,
          mapping: oneOf(["endpointIndependent", "addressAndPortDependent"]),
          filtering: oneOf(["endpointIndependent", "addressDependent", "addressAndPortDependent"]),
          blockSize: count,
        },
        { private: texts },
      ),
    ),
    floating: count,
    timeouts: answer<NatAnswer["timeouts"]>({
      udp: seconds,
      icmp: seconds,
      tcpEstablished: seconds,
      tcpOpening: seconds,
      tcpClosing: seconds,
    }),
    programmed: flag,
    limits: answer<NatAnswer["limits"]>(
      {},
      { sessionsPerAddress: count, portsPerAddress: count, newSessionsPerSecond: count },
    ),
  },
  {
    prefixes: list(answer<NonNullable<NatAnswer["prefixes"]>[number]>({ internal: text, external: text })),
    conntrack: answer<NonNullable<NatAnswer["conntrack"]>>({
      entries: count,
      limit: count,
      insertFailed: count,
      dropped: count,
    }),
    refused: answer<NonNullable<NatAnswer["refused"]>>({ sessions: count, rate: count, ports: count }),
  },
);

type Member = AnycastAnswer["members"][number];

export const anycast: z.ZodType<AnycastAnswer> = answer<AnycastAnswer>({
  name: text,
  origin: oneOf(["file", "api", "ports"]),
  address: text,
  announced: flag,
  members: list(
    answer<Member>(
      {
        address: text,
        place: oneOf(["here", "elsewhere"]),
        health: oneOf(["up", "down", "unknown", "unchecked"]),
      },
      { lastError: text },
    ),
  ),
  paths: texts,
});

export const natBlock: z.ZodType<NatBlockAnswer> = answer<NatBlockAnswer>(
  { asked: text, at: time, why: text },
  {
    private: text,
    block: answer<NonNullable<NatBlockAnswer["block"]>>({ address: text, ports: text }),
    since: time,
    until: time,
    before: answer<NonNullable<NatBlockAnswer["before"]>>({ private: text, until: time }),
    overflow: list(
      answer<NonNullable<NatBlockAnswer["overflow"]>[number]>(
        { address: text, ports: text, since: time },
        { until: time },
      ),
    ),
  },
);

const session = answer<NatSession>({
  protocol: text,
  direction: oneOf(["out", "in"]),
  private: text,
  public: text,
  remote: text,
  leftSeconds: seconds,
});
const seen = { tracked: count, matching: count, complete: flag };

export const natSessions: z.ZodType<NatSessionsAnswer> = answer<NatSessionsAnswer>({
  ...seen,
  sessions: list(session),
});

export const natTop: z.ZodType<NatTopAnswer> = answer<NatTopAnswer>({
  ...seen,
  top: list(answer<NatTopAnswer["top"][number]>({ private: text, sessions: count })),
});

export const natPool: z.ZodType<NatPoolAnswer> = answer<NatPoolAnswer>(
  {
    pool: text,
    address: text,
    state: oneOf(["active", "draining", "drained"]),
    sessions: count,
    users: count,
    ports: count,
    mapping: oneOf(["endpointIndependent", "addressAndPortDependent"]),
    filtering: oneOf(["endpointIndependent", "addressDependent", "addressAndPortDependent"]),
  },
  {
    used: answer<NonNullable<NatPoolAnswer["used"]>>({ icmp: count, tcp: count, udp: count }),
    blocks: answer<NonNullable<NatPoolAnswer["blocks"]>>({ total: count, given: count }),
    overflow: answer<NonNullable<NatPoolAnswer["overflow"]>>({ spare: count, given: count }),
  },
);

type Mapping = NatMappingsAnswer["mappings"][number];

export const natMappings: z.ZodType<NatMappingsAnswer> = answer<NatMappingsAnswer>(
  {
    listen: texts,
    mappings: list(
      answer<Mapping>({
        protocol: oneOf(["tcp", "udp"]),
        private: text,
        public: text,
        leftSeconds: seconds,
      }),
    ),
  },
  { epochSeconds: seconds },
);

type Side = NonNullable<NatTraceAnswer["source"]>;
const side = answer<Side>({}, { address: text, ports: text });

export const natTrace: z.ZodType<NatTraceAnswer> = answer<NatTraceAnswer>(
  {
    asked: text,
    verdict: text,
    why: text,
    steps: list(answer<NatTraceAnswer["steps"][number]>({ chain: text, rule: text, says: text })),
    programmed: flag,
  },
  {
    destination: side,
    source: side,
    pool: text,
    live: answer<NatLiveTrace>(
      {
        seen: flag,
        steps: list(
          answer<NatLiveTrace["steps"][number]>({ table: text, chain: text, verdict: text }, { rule: text }),
        ),
      },
      { source: text, destination: text },
    ),
  },
);

type Output = NatLogAnswer["outputs"][number];

export const natLog: z.ZodType<NatLogAnswer> = answer<NatLogAnswer>({
  events: texts,
  destinations: flag,
  lostInKernel: count,
  outputs: list(
    answer<Output>(
      {
        kind: oneOf(["file", "syslog", "ipfix"]),
        target: text,
        written: count,
        lost: count,
        waitingOctets: count,
      },
      { lastError: text },
    ),
  ),
});
