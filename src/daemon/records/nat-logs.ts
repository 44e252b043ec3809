/**
 * Tells files and collectors what becomes of translations: sessions as netd hears of them, port blocks as they change,
 * and who is refused, which is looked for every few seconds.
 *
 * Nobody waits for it. It asks netd for one batch of sessions after the other and rests between them, so that a flood
 * takes half of a core's time at most; what does not fit is counted where it is lost: in the kernel, or before a
 * collector.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { NatLogAnswer } from "../../api/nat-schema.ts";
import { formatAddress, formatEndpoint } from "../../bgp/net/text.ts";
import type { Problem } from "../../gateway/intent.ts";
import type { SessionEvents } from "../../kernel/conntrack/session-events.ts";
import type { AddressLimits } from "../../model/address-limits.ts";
import type { BlockPlan } from "../../model/blocks.ts";
import { type IpfixCollector, type LogCollector, type NatLog, NO_NAT_LOG } from "../../model/nat-log.ts";
import { addressesIn } from "../../nat/limits.ts";
import { type Limit, refusedSet } from "../../nat/meters.ts";
import { blockChanges } from "../../natlog/blocks.ts";
import { ipfix } from "../../natlog/ipfix.ts";
import type { BlockRecord, Encoder, LogRecord, Out, SessionRecord } from "../../natlog/record.ts";
import { jsonLines, syslog } from "../../natlog/text.ts";
import type { GrantChange } from "./block-lines.ts";
import { DatagramOutput, FileOutput, type Output, StreamOutput } from "./log-outputs.ts";

/** Between two looks at what was lost: after one without losses, all is well again. */
const LOOK_EVERY_MS = 10_000;
/** Batches that are not full come this far apart, so that a few sessions are one write. */
const REST_MS = 50;
/** While netd is away. */
const RETRY_MS = 1000;
/** Blocks of one turn. */
const BLOCKS_AT_ONCE = 2048;

/** With the headers of IPv6 and UDP that is 1280 octets, which every path of IPv6 takes (RFC 7011 §10.3.3). */
const DATAGRAM_OCTETS = 1232;
const STREAM_OCTETS = 16_384;

export interface NatLogSource {
  /** The next sessions that came or went. Rejects while that cannot be known. */
  nextSessions(): Promise<SessionEvents>;
  /** Nobody asks any more. */
  endSessions(): Promise<void>;
  /** A set of our table as nft lists it; undefined when there is none. */
  listSet(name: string): Promise<string | undefined>;
}

export interface NatLogsInput {
  readonly source: NatLogSource;
  /** As syslog messages name this machine. */
  readonly hostname: string;
  /** Those in force. */
  readonly limits: () => AddressLimits;
  /** Called when {@link NatLogs.problem} has come or gone. */
  readonly changed: () => void;
}

interface Destination {
  readonly kind: NatLogAnswer["outputs"][number]["kind"];
  readonly target: string;
  readonly output: Output;
  encoder: Encoder;
}

export class NatLogs {
  readonly #input: NatLogsInput;
  readonly #timer: NodeJS.Timeout;
  readonly #closing: Set<Promise<void>> = new Set();
  #settings: NatLog = NO_NAT_LOG;
  #destinations: readonly Destination[] = [];
  #pump: { stopped: boolean; readonly done: Promise<void> } | undefined;
  #lostInKernel = 0;
  #lostAtLastLook = 0;
  #problem: Problem | undefined;
  readonly #refused: Record<Limit, ReadonlySet<number>> = {
    sessions: new Set(),
    rate: new Set(),
    ports: new Set(),
  };

  constructor(input: NatLogsInput) {
    this.#input = input;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  /** Says who is to be told what. Files and collectors begin anew where anything about it differs. */
  set(wanted: NatLog): void {
    if (JSON.stringify(wanted) === JSON.stringify(this.#settings)) return;
    this.#settings = wanted;
    for (const { output } of this.#destinations) this.#end(output);
    this.#destinations = destinationsOf(wanted, this.#input.hostname);
    const listens = this.#wants("sessions");
    if (listens && this.#pump === undefined) this.#startPump();
    else if (!listens) void this.#stopPump();
  }

  /** @param after - what the kernel holds from now on */
  blocksChanged(before: BlockPlan | undefined, after: BlockPlan | undefined): void {
    if (this.#wants("blocks")) void this.#tellBlocks(blockChanges(before, after, Date.now()));
  }

  grantsChanged(changes: readonly GrantChange[]): void {
    if (this.#wants("blocks")) void this.#tellBlocks(changes.map(grantRecord));
  }

  /** Takes note of what was lost, and of whom is refused, since the last time. */
  async look(): Promise<void> {
    this.#lookForLosses();
    const { newSessionsPerSecond, sessionsPerAddress, portsPerAddress } = this.#input.limits();
    await this.#tellRefused("ports", portsPerAddress);
    await this.#tellRefused("sessions", sessionsPerAddress);
    await this.#tellRefused("rate", newSessionsPerSecond);
  }

  answer(): NatLogAnswer {
    const { events, destinations } = this.#settings;
    return {
      events,
      destinations,
      lostInKernel: this.#lostInKernel,
      outputs: this.#destinations.map(({ kind, target, output: { state } }) => {
        const { written, lost, waitingOctets, lastError } = state;
        return { kind, target, written, lost, waitingOctets, ...(lastError !== undefined && { lastError }) };
      }),
    };
  }

  /** What of the last seconds is in no log, or not in all of them. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#stopPump();
    for (const { output } of this.#destinations) this.#end(output);
    await Promise.all(this.#closing);
  }

  #wants(event: NatLog["events"][number]): boolean {
    return this.#destinations.length > 0 && this.#settings.events.includes(event);
  }

  #end(output: Output): void {
    const ended = output.close().finally(() => this.#closing.delete(ended));
    this.#closing.add(ended);
  }

  #startPump(): void {
    const pump = { stopped: false, done: Promise.resolve() };
    pump.done = this.#run(pump);
    this.#pump = pump;
  }

  async #stopPump(): Promise<void> {
    const pump = this.#pump;
    if (pump === undefined) return;
    this.#pump = undefined;
    pump.stopped = true;
    // Away, it listens to nothing anyway.
    await this.#input.source.endSessions().catch(() => undefined);
    await pump.done;
  }

  async #run(pump: { readonly stopped: boolean }): Promise<void> {
    while (!pump.stopped) {
      const events = await this.#input.source.nextSessions().catch(() => undefined);
      if (events === undefined) {
        await sleep(RETRY_MS, undefined, { ref: false });
        continue;
      }
      const began = performance.now();
      this.#tellSessions(events);
      const tookMs = performance.now() - began;
      if (!pump.stopped) await sleep(events.full ? tookMs : REST_MS);
    }
  }

  #tellSessions(events: SessionEvents): void {
    this.#lostInKernel += events.lost;
    const record: SessionRecord = {
      ...{ kind: "session", atMs: events.atMs, ended: false, outbound: false, protocol: 0 },
      ...{ private: 0, privatePort: 0, public: 0, publicPort: 0, remote: 0, remotePort: 0 },
    };
    events.each((event) => {
      Object.assign(record, event);
      this.#add(record);
    });
    this.#flush();
  }

  async #tellBlocks(records: Iterable<LogRecord>): Promise<void> {
    let told = 0;
    for (const record of records) {
      this.#add(record);
      if (++told % BLOCKS_AT_ONCE === 0) await sleep(0);
    }
    this.#flush();
  }

  /** Whoever was not refused a moment ago. */
  async #tellRefused(limit: Limit, most: number | undefined): Promise<void> {
    if (most === undefined || !this.#wants("limits")) return;
    const listed = await this.#input.source.listSet(refusedSet(limit)).catch(() => undefined);
    // Without table, or while netd is away, nothing is known.
    if (listed === undefined) return;
    const before = this.#refused[limit];
    const now = new Set(addressesIn(listed).map(({ w0 }) => w0));
    this.#refused[limit] = now;
    const atMs = Date.now();
    for (const inner of now)
      if (!before.has(inner)) this.#add({ kind: "limit", atMs, limit, private: inner, most });
    this.#flush();
  }

  #add(record: Readonly<LogRecord>): void {
    for (const { encoder } of this.#destinations) encoder.add(record);
  }

  #flush(): void {
    for (const { encoder } of this.#destinations) encoder.flush();
  }

  #lookForLosses(): void {
    const lost = this.#destinations.reduce((sum, { output }) => sum + output.state.lost, this.#lostInKernel);
    const lately = lost - this.#lostAtLastLook;
    this.#lostAtLastLook = lost;
    const before = this.#problem;
    this.#problem = lately > 0 ? lossProblem(this.#destinations) : undefined;
    if (lately <= 0) for (const { output } of this.#destinations) output.forgive();
    if ((before === undefined) !== (this.#problem === undefined)) this.#input.changed();
  }
}

const grantRecord = ({ atMs, given, grant: { holder, block } }: GrantChange): BlockRecord => ({
  ...{ kind: "block", atMs, taken: !given },
  ...{ private: holder.w0, public: block.address.w0, first: block.ports.first, last: block.ports.last },
});

function lossProblem(destinations: readonly Destination[]): Problem {
  const broken = destinations.find(({ output }) => output.state.lastError !== undefined);
  const why =
    broken === undefined
      ? "more sessions come and go than can be written out"
      : `${broken.kind} ${broken.target}: ${broken.output.state.lastError}`;
  const message = `what becomes of translations is not all logged (${why}); gwctl nat log counts what is lost`;
  return { code: "nat.log", subject: broken?.target ?? "nat.log", message };
}

const timeText = (atMs: number): string => new Date(atMs).toISOString();

function destinationsOf(wanted: NatLog, hostname: string): Destination[] {
  const { destinations: named, file } = wanted;
  const files = file === undefined ? [] : [fileDestination(file, named)];
  const servers = wanted.syslog.map((server) => {
    const options = { destinations: named, hostname, framed: server.protocol === "tcp" };
    return collectorDestination("syslog", server, (out) => syslog(options, timeText, out));
  });
  const collectors = wanted.ipfix.map((collector) =>
    collectorDestination("ipfix", collector, (out) => ipfixEncoder(collector, named, out)),
  );
  return [...files, ...servers, ...collectors];
}

function fileDestination(path: string, destinations: boolean): Destination {
  const output = new FileOutput(path);
  const out: Out = (octets, records) => output.write(octets, records);
  return { kind: "file", target: path, output, encoder: jsonLines({ destinations }, timeText, out) };
}

function collectorDestination(
  kind: "syslog" | "ipfix",
  { address, port, protocol }: LogCollector,
  encoderTo: (out: Out) => Encoder,
): Destination {
  const target = { host: formatAddress(address), port };
  // A stream that begins anew is another exporter to its collector: it must hear all of it.
  const begins = (): void => {
    destination.encoder = encoderTo(out);
  };
  const output = protocol === "udp" ? new DatagramOutput(target) : new StreamOutput(target, begins);
  const out: Out = (octets, records) => output.write(octets, records);
  const text = `${protocol}:${formatEndpoint({ address, port })}`;
  const destination: Destination = { kind, target: text, output, encoder: encoderTo(out) };
  return destination;
}

function ipfixEncoder(
  { protocol, templatesMs, domain }: IpfixCollector,
  destinations: boolean,
  out: Out,
): Encoder {
  return protocol === "udp"
    ? ipfix({ destinations, domain, messageOctets: DATAGRAM_OCTETS, templatesMs }, out)
    : ipfix({ destinations, domain, messageOctets: STREAM_OCTETS, templatesMs: undefined }, out);
}
