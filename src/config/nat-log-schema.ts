/** The keys of who is told what becomes of translations. */

import type { z } from "zod";
import { type IpfixCollector, type LogCollector, NAT_LOG_EVENTS, type NatLog } from "../model/nat-log.ts";
import { absolutePath, address, choice, duration, flag, integer, list, mapping, port } from "./scalars.ts";

/** Collectors of one kind: each is told everything. */
export const COLLECTORS = 4;

const collectors = <T>(one: z.ZodType<T>): z.ZodType<readonly T[]> =>
  list(one)
    .max(COLLECTORS, { error: `at most ${COLLECTORS} collectors` })
    .prefault([]);

const protocol = choice(["udp", "tcp"]).prefault("udp");

const syslog: z.ZodType<LogCollector> = mapping({
  address: address.meta({ description: "The server's address." }),
  port: port.prefault(514).meta({ description: "Its port." }),
  protocol: protocol.meta({ description: "udp: a message a datagram (RFC 5426). tcp: framed (RFC 6587)." }),
});

const ipfix: z.ZodType<IpfixCollector> = mapping({
  address: address.meta({ description: "The collector's address." }),
  port: port.prefault(4739).meta({ description: "Its port." }),
  protocol: protocol.meta({ description: "Templates are sent again and again over udp, once over tcp." }),
  templates: duration("1s", "24h")
    .prefault("60s")
    .meta({ description: "Between two times that templates are sent over udp." }),
  domain: integer(0, 4294967295)
    .prefault(1)
    .meta({ description: "Observation domain: tells this gateway from others of one exporter." }),
}).transform(({ templates: templatesMs, ...given }) => ({ ...given, templatesMs }));

export const natLog: z.ZodType<NatLog> = mapping({
  events: list(choice(NAT_LOG_EVENTS))
    .min(1, { error: "at least one kind of event" })
    .prefault([...NAT_LOG_EVENTS])
    .meta({
      description:
        "sessions: created and ended. blocks: port blocks given and taken. limits: addresses that are refused.",
    }),
  destinations: flag.prefault(false).meta({
    description: "Whether logs say whom a session is with; by default they do not (RFC 6888 REQ-12).",
  }),
  file: absolutePath.optional().meta({ description: "A file of JSON lines. Default: none." }),
  syslog: collectors(syslog).meta({ description: "Servers that are sent syslog messages (RFC 5424)." }),
  ipfix: collectors(ipfix).meta({ description: "Collectors of IPFIX (RFC 7011, RFC 8158)." }),
}).transform(({ events, file, ...given }) => ({
  ...given,
  events: NAT_LOG_EVENTS.filter((event) => events.includes(event)),
  file,
}));
