/**
 * Records as IPFIX (RFC 7011) with the events and elements of RFC 8158.
 *
 * A message is a header and sets: templates say what the octets of a data record mean, and every data set names the
 * template that it is written by. Over a stream the templates go out once; over datagrams, which may be lost, again and
 * again (RFC 7011 §8.4).
 */

import type { BlockRecord, Detail, Encoder, LimitRecord, LogRecord, Out, SessionRecord } from "./record.ts";

export interface IpfixOptions extends Detail {
  /** Octets of a message at most, 512..65535. */
  readonly messageOctets: number;
  /** Observation domain, 0..4294967295. */
  readonly domain: number;
  /** Templates go out with the first message that is so much later than the last ones; undefined: once. */
  readonly templatesMs: number | undefined;
}

const VERSION = 10;
const HEADER_OCTETS = 16;
const SET_HEADER_OCTETS = 4;
const TEMPLATE_SET = 2;

/** natEvent (RFC 8158 §4.3). */
const EVENT = { created: 4, ended: 5, quota: 13, given: 16, taken: 17 } as const;

/** natQuotaExceededEvent: maximum entries per user. */
const ENTRIES_PER_USER = 3;

interface Template {
  readonly id: number;
  /** Element number and octets (IANA, IPFIX Information Elements). */
  readonly fields: readonly (readonly [element: number, octets: number])[];
}

const TIME = [323, 8] as const; // observationTimeMilliseconds
const NAT_EVENT = [230, 1] as const;
const SOURCE = [8, 4] as const; // sourceIPv4Address
const POST_SOURCE = [225, 4] as const; // postNATSourceIPv4Address

const SESSION_FIELDS = [
  TIME,
  NAT_EVENT,
  [229, 1], // natOriginatingAddressRealm: 1 private, 2 public
  [4, 1], // protocolIdentifier
  SOURCE,
  POST_SOURCE,
  [7, 2], // sourceTransportPort
  [227, 2], // postNAPTSourceTransportPort
] as const;

const TEMPLATES = {
  session: { id: 256, fields: SESSION_FIELDS },
  // destinationIPv4Address, destinationTransportPort
  sessionWithDestination: { id: 257, fields: [...SESSION_FIELDS, [12, 4], [11, 2]] },
  // portRangeStart, portRangeEnd
  block: { id: 258, fields: [TIME, NAT_EVENT, SOURCE, POST_SOURCE, [361, 2], [362, 2]] },
  // natQuotaExceededEvent, maxEntriesPerUser
  quota: { id: 259, fields: [TIME, NAT_EVENT, SOURCE, [466, 4], [473, 4]] },
} as const satisfies Readonly<Record<string, Template>>;

const lengthOf = ({ fields }: Template): number => fields.reduce((sum, [, octets]) => sum + octets, 0);

const OCTETS: ReadonlyMap<Template, number> = new Map(
  Object.values(TEMPLATES).map((template) => [template, lengthOf(template)]),
);

export function ipfix(options: IpfixOptions, out: Out): Encoder {
  const message = new MessageBuilder(options, out);
  const ofSession = options.destinations ? TEMPLATES.sessionWithDestination : TEMPLATES.session;
  return {
    add: (record) => {
      const template = templateOf(record, ofSession);
      message.room(template, record.atMs);
      message.write(record, options);
    },
    flush: () => message.flush(),
  };
}

function templateOf(record: Readonly<LogRecord>, ofSession: Template): Template {
  switch (record.kind) {
    case "session":
      return ofSession;
    case "block":
      return TEMPLATES.block;
    case "limit":
      return TEMPLATES.quota;
    default:
      return record satisfies never;
  }
}

class MessageBuilder {
  readonly #options: IpfixOptions;
  readonly #out: Out;
  #octets: Uint8Array;
  #view: DataView;
  #at = 0;
  /** Where the open set begins, and by which template it is written; undefined: it is the set of templates. */
  #set: { readonly at: number; readonly template: Template | undefined } | undefined;
  #records = 0;
  /** Data records of all messages before (RFC 7011 §3.1: sequence number, modulo 2^32). */
  #sequence = 0;
  #lastMs = 0;
  #templatesAtMs: number | undefined;

  constructor(options: IpfixOptions, out: Out) {
    this.#options = options;
    this.#out = out;
    this.#octets = new Uint8Array(options.messageOctets);
    this.#view = new DataView(this.#octets.buffer);
  }

  /** Opens what is needed for one record of this template. */
  room(template: Template, atMs: number): void {
    this.#lastMs = atMs;
    const octets = OCTETS.get(template) ?? 0;
    const needed = octets + (this.#set?.template === template ? 0 : SET_HEADER_OCTETS);
    if (this.#at > 0 && this.#at + needed > this.#octets.length) this.flush();
    if (this.#at === 0) this.#begin(atMs);
    if (this.#set?.template !== template) this.#open(template.id, template);
  }

  write(record: Readonly<LogRecord>, detail: Detail): void {
    this.#number(8, record.atMs);
    switch (record.kind) {
      case "session":
        this.#session(record, detail);
        break;
      case "block":
        this.#block(record);
        break;
      case "limit":
        this.#limit(record);
        break;
      default:
        record satisfies never;
    }
    this.#records++;
  }

  flush(): void {
    if (this.#at === 0) return;
    this.#close();
    const view = this.#view;
    view.setUint16(0, VERSION);
    view.setUint16(2, this.#at);
    view.setUint32(4, Math.floor(this.#lastMs / 1000));
    view.setUint32(8, this.#sequence);
    view.setUint32(12, this.#options.domain);
    const [octets, records] = [this.#octets.slice(0, this.#at), this.#records];
    this.#sequence = (this.#sequence + records) >>> 0;
    this.#at = 0;
    this.#records = 0;
    this.#out(octets, records);
  }

  #begin(atMs: number): void {
    this.#at = HEADER_OCTETS;
    const { templatesMs } = this.#options;
    const last = this.#templatesAtMs;
    // A clock that was set back does not keep them away.
    const due = templatesMs !== undefined && last !== undefined && Math.abs(atMs - last) >= templatesMs;
    if (last !== undefined && !due) return;
    this.#templatesAtMs = atMs;
    this.#open(TEMPLATE_SET, undefined);
    for (const { id, fields } of Object.values(TEMPLATES)) {
      this.#number(2, id);
      this.#number(2, fields.length);
      for (const [element, octets] of fields) {
        this.#number(2, element);
        this.#number(2, octets);
      }
    }
  }

  #open(id: number, template: Template | undefined): void {
    this.#close();
    const at = this.#at;
    this.#number(2, id);
    this.#at += 2;
    this.#set = { at, template };
  }

  #close(): void {
    if (this.#set !== undefined) this.#view.setUint16(this.#set.at + 2, this.#at - this.#set.at);
    this.#set = undefined;
  }

  #session(record: Readonly<SessionRecord>, { destinations }: Detail): void {
    this.#number(1, record.ended ? EVENT.ended : EVENT.created);
    this.#number(1, record.outbound ? 1 : 2);
    this.#number(1, record.protocol);
    this.#number(4, record.private);
    this.#number(4, record.public);
    this.#number(2, record.privatePort);
    this.#number(2, record.publicPort);
    if (!destinations) return;
    this.#number(4, record.remote);
    this.#number(2, record.remotePort);
  }

  #block(record: Readonly<BlockRecord>): void {
    this.#number(1, record.taken ? EVENT.taken : EVENT.given);
    this.#number(4, record.private);
    this.#number(4, record.public);
    this.#number(2, record.first);
    this.#number(2, record.last);
  }

  #limit(record: Readonly<LimitRecord>): void {
    this.#number(1, EVENT.quota);
    this.#number(4, record.private);
    this.#number(4, ENTRIES_PER_USER);
    this.#number(4, record.most);
  }

  #number(octets: 1 | 2 | 4 | 8, value: number): void {
    const at = this.#at;
    this.#at += octets;
    if (octets === 1) this.#view.setUint8(at, value);
    else if (octets === 2) this.#view.setUint16(at, value);
    else if (octets === 4) this.#view.setUint32(at, value);
    else {
      this.#view.setUint32(at, Math.floor(value / 2 ** 32));
      this.#view.setUint32(at + 4, value >>> 0);
    }
  }
}
